"""Functionals: what the frames of an utterance say together about its timbre, loudness, melody and rhythm.

The word is the field's (Eyben et al., 2016, "The Geneva minimalistic acoustic parameter set"): statistics over time of
descriptors of single frames, here of MFCCs, voicing and pitch. Which of them help on voices never heard was measured;
docs/lab-book.md tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .prosody import N_COLUMNS

Array = NDArray[Any]

LAGS: Final = (1, 4, 16)
"""How far apart frames are compared: at hops of 10 ms within a sound, a sound, a syllable."""
QUANTILES: Final = (10, 25, 50, 75, 90)
CHANGE_LAG: Final = 4
CHANGE_QUANTILES: Final = (5, 25, 75, 95)
N_CORRELATED: Final = 12
"""The coefficients, from the first on, whose correlations are taken."""
N_CHANGING: Final = 20
"""The coefficients, from the first on, whose quantiles of change are taken: so many a recipe must have."""
N_MODULATED: Final = 16
"""The coefficients, from the first on, whose modulation is taken."""
MODULATION_BINS: Final = (3, 11, 21, 31, 47, 72, 128, 256)
"""Edges of the bands, in bins of a transform of 512 frames: at hops of 10 ms 0.5, 2, 4, 6, 9, 14, 25 and 50 Hz."""
N_PROSODIC: Final = 30

_N_TRANSFORM: Final = 512
_VOICED: Final = 0.55
_BELOW_LOUDEST_DB: Final = 40.0
_ABOVE_QUIET_DB: Final = 3.0
_RANGE_DB: Final = 60.0  # below the loudest: what is quieter is a pause, as quiet as the microphone happens to make it
_QUIET: Final = 5  # per cent of the frames are as quiet
_LOUD: Final = 67  # per cent are less loud than the loud third
_FEWEST: Final = 6  # frames: where fewer are active or voiced, all stand for them
_LARGEST_STEP: Final = 0.15  # octaves from one frame to the next; a larger one is the tracker's, not the voice's
_LITTLE: Final = 1e-3


def n_functionals(n_mfcc: int) -> int:
    """How many numbers `functionals` returns for frames of so many coefficients."""
    distribution = (1 + len(QUANTILES)) * n_mfcc - 1 + 2 * (n_mfcc - 1)
    course = (len(LAGS) + 1) * n_mfcc + len(CHANGE_QUANTILES) * N_CHANGING + (len(MODULATION_BINS) - 1) * N_MODULATED
    together = N_CORRELATED * (N_CORRELATED - 1) // 2 + 4 * n_mfcc - 1
    return distribution + course + together + N_PROSODIC


def functionals(frames: Array) -> Array:
    """The functionals of an utterance.

    Frames are first cut to the stretch from the first to the last active one; active is what lies less than 40 dB below
    the loudest, and more than 3 dB above the level that 5 % of the frames do not reach.

    Args:
        frames: coefficients, and level, voicing and pitch as `emotion_edge.prosody` has them, shape
            (n_frames, n_mfcc + 3), n_mfcc at least `N_CHANGING`.

    Returns:
        Shape (n_functionals(n_mfcc),), of the dtype of the frames.
    """
    utterance = _Utterance.of(np.asarray(frames, np.float64))
    parts = [*_distribution(utterance), *_course(utterance), *_together(utterance), *_prosody(utterance)]
    return np.concatenate([np.atleast_1d(part) for part in parts]).astype(frames.dtype)


@dataclass(frozen=True)
class _Utterance:
    """From the first to the last active frame: coefficients (n, n_mfcc), and of shape (n,) all else."""

    cepstra: Array
    level: Array
    voicing: Array
    pitch: Array
    active: Array
    voiced: Array

    @classmethod
    def of(cls, frames: Array) -> _Utterance:
        level, voicing, pitch = frames[:, -N_COLUMNS:].T
        level = np.maximum(level, level.max() - _RANGE_DB)
        least = max(level.max() - _BELOW_LOUDEST_DB, _percentiles(level, [_QUIET])[0] + _ABOVE_QUIET_DB)
        active = _or_all(level > least, np.ones(len(level), bool))
        first, *_, last = np.flatnonzero(active)[[0, -1]]
        within = slice(first, last + 1)
        level, voicing, pitch, active = level[within], voicing[within], pitch[within], active[within]
        voiced = _or_all(active & (voicing > _VOICED), active)
        return cls(frames[within, :-N_COLUMNS], level, voicing, pitch, active, voiced)


def _or_all(wanted: Array, otherwise: Array) -> Array:
    return wanted if wanted.sum() >= _FEWEST else otherwise


def _distribution(utterance: _Utterance) -> Iterator[Array]:
    """Where the coefficients of the active frames lie. The first one's place is the microphone's gain, and left out."""
    active = utterance.cepstra[utterance.active]
    mean = active.mean(axis=0)
    yield mean[1:]
    yield active.std(axis=0)
    quantiles = _percentiles(active, QUANTILES)
    yield quantiles[:, 1:].ravel()
    median = len(QUANTILES) // 2
    yield np.delete(quantiles[:, 0] - quantiles[median, 0], median)
    level = utterance.level
    loud = level >= _percentiles(level[utterance.active], [_LOUD])
    yield (utterance.cepstra[loud].mean(axis=0) - mean)[1:]


def _course(utterance: _Utterance) -> Iterator[Array]:
    """How they move: by how much over each lag, to where in the long run, how fast and how regularly."""
    cepstra = utterance.cepstra
    for lag in LAGS:
        yield np.abs(_change(cepstra, lag)).mean(axis=0)
    yield _slope(cepstra)
    yield _percentiles(_change(cepstra[:, :N_CHANGING], CHANGE_LAG), CHANGE_QUANTILES).ravel()
    modulated = cepstra[:_N_TRANSFORM, :N_MODULATED]
    modulated = (modulated - modulated.mean(axis=0)) * np.hanning(len(modulated) + 2)[1:-1, None]
    power = np.square(np.abs(np.fft.rfft(modulated, _N_TRANSFORM, axis=0))) / len(modulated)
    bands = np.add.reduceat(power[: MODULATION_BINS[-1]], MODULATION_BINS[:-1], axis=0)
    yield np.log(bands / np.diff(MODULATION_BINS)[:, None] + _LITTLE).ravel()


def _together(utterance: _Utterance) -> Iterator[Array]:
    """What goes with what: coefficients with each other, with the level, with the pitch, with the voice."""
    active, voiced = utterance.cepstra[utterance.active], utterance.cepstra[utterance.voiced]
    standard = _standardised(active)
    correlations = standard[:, :N_CORRELATED].T @ standard[:, :N_CORRELATED] / len(standard)
    yield correlations[np.triu_indices(N_CORRELATED, 1)]
    yield _standardised(utterance.level[utterance.active]) @ (active - active.mean(axis=0)) / len(active)
    yield _standardised(utterance.pitch[utterance.voiced]) @ (voiced - voiced.mean(axis=0)) / len(voiced)
    yield voiced.mean(axis=0)[1:]
    yield voiced.std(axis=0)


def _prosody(utterance: _Utterance) -> Iterator[Any]:
    """Melody, voice, loudness and rhythm: `N_PROSODIC` numbers."""
    pitch, voiced, active = utterance.pitch, utterance.voiced, utterance.active
    melody = pitch[voiced]
    steps = np.diff(pitch)[voiced[1:] & voiced[:-1]]
    steps = steps[np.abs(steps) < _LARGEST_STEP]
    yield np.array([melody.mean(), melody.std(), _slope(pitch, voiced)])
    yield _percentiles(melody, (5, 25, 50, 75, 95))
    yield np.ptp(_percentiles(melody, (10, 90)))
    yield np.array([_mean(np.abs(steps)), _mean(steps)])
    yield np.array([_mean(np.abs(_change(pitch, lag))[_change(voiced, lag, np.logical_and)]) for lag in LAGS[1:]])
    voicing = utterance.voicing
    yield np.array([voicing[active].mean(), voicing[active].std(), voicing[voiced].mean()])
    lengths = np.diff(np.flatnonzero(np.diff(voiced, prepend=False, append=False)))[::2]
    yield np.array(
        [voiced.mean(), voiced.sum() / active.sum(), lengths.mean(), lengths.std(), len(lengths) / len(voiced)]
    )
    level = utterance.level
    quiet, middle, loud = _percentiles(level[active], (10, 50, 90))
    yield np.array([level[active].std(), loud - middle, middle - quiet, level[voiced].mean() - middle, _slope(level)])
    yield np.array([np.abs(_change(level, lag)).mean() for lag in (1, 8)])
    yield np.array([active.mean(), np.log(len(active))])


def _change(values: Array, lag: int, difference: Any = np.subtract) -> Array:
    """From each frame to the one so much later; where there is none so late, one frame of no change."""
    if len(values) <= lag:
        return np.zeros_like(values[:1])
    return np.asarray(difference(values[lag:], values[:-lag]))


def _slope(values: Array, rows: Array | None = None) -> Array:
    """Of a straight line through the values, per half of the utterance; of some rows alone where those are given."""
    time = np.linspace(-1, 1, len(values)) if len(values) > 1 else np.zeros(1)
    if rows is not None:
        time, values = time[rows], values[rows]
    time = time - time.mean()
    return np.asarray(time @ (values - values.mean(axis=0)) / (time @ time + _LITTLE))


def _percentiles(values: Array, percents: Sequence[int]) -> Array:
    """Along the first axis, linear between ranks: sorting whole columns is cheaper than numpy's partition."""
    ranked = np.sort(values, axis=0)
    place = np.asarray(percents) / 100 * (len(ranked) - 1)
    below = place.astype(int)
    share = (place - below).reshape(-1, *[1] * (ranked.ndim - 1))
    return np.asarray(ranked[below] + share * (ranked[np.minimum(below + 1, len(ranked) - 1)] - ranked[below]))


def _standardised(values: Array) -> Array:
    return np.asarray((values - values.mean(axis=0)) / (values.std(axis=0) + _LITTLE))


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else 0.0
