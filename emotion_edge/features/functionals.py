"""Functionals: what the frames of an utterance say together about its timbre, loudness, melody and rhythm.

The word is the field's (Eyben et al., 2016, "The Geneva minimalistic acoustic parameter set"): statistics over time of
descriptors of single frames, here of MFCCs, voicing and pitch. Which of them help on voices never heard was measured;
docs/lab-book.md tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .fft import rfft
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

_N_TRANSFORM: Final = 512
_VOICED: Final = 0.55
_BELOW_LOUDEST_DB: Final = 40.0
_ABOVE_QUIET_DB: Final = 3.0
_RANGE_DB: Final = 60.0  # below the loudest: what is quieter is a pause, as quiet as the microphone happens to make it
_QUIET: Final = 5  # per cent of the frames are as quiet
_LOUD: Final = 67  # per cent are less loud than the loud third
_FEWEST: Final = 6  # frames: where fewer are active or voiced, all stand for them
_MELODY_QUANTILES: Final = (5, 25, 50, 75, 95, 10, 90)
_LARGEST_STEP: Final = 0.15  # octaves from one frame to the next; a larger one is the tracker's, not the voice's
_LITTLE: Final = 1e-3
_LEVEL, _VOICING, _PITCH = range(-N_COLUMNS, 0)
_PAIRS: Final = np.triu_indices(N_CORRELATED, 1)
_PROSODIC: Final = (
    *("pitch.mean", "pitch.deviation", "pitch.slope"),
    *(f"pitch.quantile_{percent}" for percent in (5, 25, 50, 75, 95)),
    "pitch.range_10_to_90",
    *("pitch.mean_step", "pitch.mean_signed_step"),
    *("pitch.change_over_4", "pitch.change_over_16"),
    *("voicing.mean", "voicing.deviation", "voicing.mean_when_voiced"),
    *("voiced.share", "voiced.share_of_active", "voiced.run_length", "voiced.run_length_deviation", "voiced.run_rate"),
    *("level.deviation", "level.median_to_90", "level.10_to_median", "level.voiced_above_median", "level.slope"),
    *("level.change_over_1", "level.change_over_8"),
    *("active.share", "log_frames"),
)
_WIDTHS: Final = np.diff(MODULATION_BINS).astype(np.float32)


@lru_cache(maxsize=8)
def functional_names(n_mfcc: int) -> tuple[str, ...]:
    """What each number is that `functionals` returns for frames of so many coefficients; `mfcc_0` is the gain."""
    cepstra = [f"mfcc_{number}" for number in range(n_mfcc)]

    def each(what: str, columns: Sequence[str] = cepstra) -> list[str]:
        return [f"{column}.{what}" for column in columns]

    distribution = [
        *each("mean", cepstra[1:]),
        *each("deviation"),
        *(name for percent in QUANTILES for name in each(f"quantile_{percent}", cepstra[1:])),
        *(f"mfcc_0.quantile_{percent}_above_median" for percent in QUANTILES if percent != 50),
        *each("mean_when_loud_above_mean", cepstra[1:]),
    ]
    course = [
        *(name for lag in LAGS for name in each(f"change_over_{lag}")),
        *each("slope"),
        *(name for percent in CHANGE_QUANTILES for name in each(f"change_quantile_{percent}", cepstra[:N_CHANGING])),
        *(
            name
            for band in range(1, len(MODULATION_BINS))
            for name in each(f"modulation_{band}", cepstra[:N_MODULATED])
        ),
    ]
    together = [
        *(f"mfcc_{one}.correlation_with_mfcc_{other}" for one, other in zip(*_PAIRS, strict=True)),
        *each("covariance_with_level"),
        *each("covariance_with_pitch"),
        *each("mean_when_voiced", cepstra[1:]),
        *each("deviation_when_voiced"),
    ]
    return (*distribution, *course, *together, *_PROSODIC)


def functionals(frames: Array) -> Array:
    """The functionals of an utterance.

    Frames are first cut to the stretch from the first to the last active one; active is what lies less than 40 dB below
    the loudest, and more than 3 dB above the level that 5 % of the frames do not reach.

    Args:
        frames: coefficients, and level, voicing and pitch as `emotion_edge.features.prosody` has them, shape
            (n_frames, n_mfcc + 3), n_mfcc at least `N_CHANGING`.

    Returns:
        Shape (len(functional_names(n_mfcc)),), of the dtype of the frames.
    """
    utterance = _Utterance.of(frames)
    active = _Part.of(utterance.columns[:, utterance.active], slice(_VOICING), (*QUANTILES, _LOUD))
    voiced = _Part.of(utterance.columns[:, utterance.voiced], _PITCH, _MELODY_QUANTILES)
    slopes = _slope(utterance.columns)
    parts: list[ArrayLike] = [
        *_distribution(utterance, active),
        *_course(utterance.columns[:_LEVEL], slopes[:_LEVEL]),
        *_together(active, voiced),
        *_prosody(utterance, active, voiced, slopes[_LEVEL]),
    ]
    return np.concatenate(parts, dtype=frames.dtype)


@dataclass(frozen=True)
class _Utterance:
    """From the first to the last active frame.

    Time runs along rows, which numpy sorts and adds up faster, and pairwise: sums in float32 lose little then.

    Attributes:
        columns: those of the frames, shape (n_mfcc + 3, n).
        active, voiced: which frames are, shape (n,).
    """

    columns: Array
    active: Array
    voiced: Array

    @classmethod
    def of(cls, frames: Array) -> _Utterance:
        columns = frames.T.copy()
        level = columns[_LEVEL]
        loudest = level.max()
        np.maximum(level, loudest - _RANGE_DB, out=level)
        (quiet,) = _quantiles(level, (_QUIET,))
        active = level > max(loudest - _BELOW_LOUDEST_DB, quiet + _ABOVE_QUIET_DB)
        if np.count_nonzero(active) < _FEWEST:
            active[:] = True
        places = active.nonzero()[0]
        stretch = slice(places[0], places[-1] + 1)
        columns, active = columns[:, stretch], active[stretch]
        voiced = active & (columns[_VOICING] > _VOICED)
        return cls(columns, active, voiced if np.count_nonzero(voiced) >= _FEWEST else active)


class _Part(NamedTuple):
    """The columns of some frames."""

    mean: Array  # (n_columns,)
    centred: Array  # (n_columns, n)
    deviation: Array  # (n_columns,)
    quantiles: Array  # (len(percents), ...) of those columns that are ranked

    @classmethod
    def of(cls, columns: Array, ranked: slice | int, percents: Sequence[int]) -> _Part:
        mean = _centre(columns)
        centred = columns - mean[:, np.newaxis]  # so that squares and products are of small numbers
        return cls(mean, centred, np.sqrt(_mean(np.square(centred))), _quantiles(columns[ranked], percents))

    def covariances(self, column: int) -> Array:
        """Of the coefficients with a column that is divided by its deviation."""
        one = self.centred[column] / (self.centred.shape[1] * (self.deviation[column] + _LITTLE))
        return np.asarray(np.einsum("ij,j->i", self.centred[:_LEVEL], one))


def _distribution(utterance: _Utterance, active: _Part) -> Iterator[ArrayLike]:
    """Where the coefficients of the active frames lie. The first one's place is the microphone's gain, and left out."""
    cepstra, level = utterance.columns[:_LEVEL], utterance.columns[_LEVEL]
    mean = active.mean[1:_LEVEL]
    yield mean
    yield active.deviation[:_LEVEL]
    yield active.quantiles[:-1, 1:-1].ravel()
    below, lower, median, higher, above = active.quantiles[:-1, 0]
    yield [below - median, lower - median, higher - median, above - median]
    loud = cepstra[:, level >= active.quantiles[-1, -1]]
    yield _mean(loud)[1:] - mean


def _course(cepstra: Array, slopes: Array) -> Iterator[Array]:
    """How they move: by how much over each lag, to where in the long run, how fast and how regularly."""
    for lag in LAGS:
        yield _mean(np.abs(_change(cepstra, lag)))
    yield slopes
    yield _quantiles(_change(cepstra[:N_CHANGING], CHANGE_LAG), CHANGE_QUANTILES).ravel()
    modulated = cepstra[:N_MODULATED, :_N_TRANSFORM]
    n = modulated.shape[1]
    spectrum = rfft(_centred(modulated) * _hann(n, cepstra.dtype), _N_TRANSFORM)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    bands = np.add.reduceat(power[:, : MODULATION_BINS[-1]], MODULATION_BINS[:-1], axis=1)
    yield np.log(bands / (n * _WIDTHS) + _LITTLE).T.ravel()


def _together(active: _Part, voiced: _Part) -> Iterator[Array]:
    """What goes with what: coefficients with each other, with the level, with the pitch, with the voice."""
    standard = active.centred[:N_CORRELATED] / (active.deviation[:N_CORRELATED, np.newaxis] + _LITTLE)
    correlations = standard @ standard.T / standard.shape[1]
    yield correlations[_PAIRS]
    yield active.covariances(_LEVEL)
    yield voiced.covariances(_PITCH)
    yield voiced.mean[1:_LEVEL]
    yield voiced.deviation[:_LEVEL]


def _prosody(utterance: _Utterance, active: _Part, voiced: _Part, level_slope: float) -> Iterator[ArrayLike]:
    """Melody, voice, loudness and rhythm: named by `_PROSODIC`."""
    level, _, pitch = utterance.columns[_LEVEL:]
    is_voiced, n = utterance.voiced, len(level)
    yield [voiced.mean[_PITCH], voiced.deviation[_PITCH], _slope(pitch, is_voiced)]
    *quantiles, low, high = voiced.quantiles
    yield [*quantiles, high - low]
    steps, *jumps = (_change(pitch, lag)[_change(is_voiced, lag, np.logical_and)] for lag in LAGS)
    steps = steps[np.abs(steps) < _LARGEST_STEP]
    yield [_mean(np.abs(steps)), _mean(steps), *(_mean(np.abs(jump)) for jump in jumps)]
    yield [active.mean[_VOICING], active.deviation[_VOICING], voiced.mean[_VOICING]]
    around = np.concatenate(([False], is_voiced, [False]))
    edges = (around[1:] != around[:-1]).nonzero()[0]
    lengths = edges[1::2] - edges[::2]
    n_active, n_voiced, n_lengths = np.count_nonzero(utterance.active), np.count_nonzero(is_voiced), len(lengths)
    length = n_voiced / n_lengths
    deviation = math.sqrt(np.square(lengths - length).sum() / n_lengths)
    yield [n_voiced / n, n_voiced / n_active, length, deviation, n_lengths / n]
    quiet, _, middle, _, loud, _ = active.quantiles[:, -1]
    yield [active.deviation[_LEVEL], loud - middle, middle - quiet, voiced.mean[_LEVEL] - middle, level_slope]
    yield [_mean(np.abs(_change(level, lag))) for lag in (1, 8)]
    yield [n_active / n, math.log(n)]


def _change(values: Array, lag: int, difference: Any = np.subtract) -> Array:
    """From each frame to the one so much later; where there is none so late, one frame of no change."""
    if values.shape[-1] <= lag:
        return np.zeros_like(values[..., :1])
    return np.asarray(difference(values[..., lag:], values[..., :-lag]))


def _slope(values: Array, some: Array | None = None) -> Array:
    """Of a straight line along rows, per half of the utterance; of some frames alone where those are given."""
    time = _time(values.shape[-1], values.dtype)
    if some is not None:
        time, values = _centred(time[some]), values[some]
    # Times add up to 0, so values need not. Not `@`, which would wake the threads of OpenBLAS.
    return np.asarray(np.einsum("...i,i->...", values, time) / (np.einsum("i,i->", time, time) + _LITTLE))


def _quantiles(values: Array, percents: Sequence[int]) -> Array:
    """Along rows, (..., n), linear between ranks; (len(percents), ...)."""
    ranked, last = np.sort(values), values.shape[-1] - 1
    places = [percent / 100 * last for percent in percents]
    below = [int(place) for place in places]
    low, high = ranked[..., below], ranked[..., [min(rank + 1, last) for rank in below]]
    share = np.array([place - rank for place, rank in zip(places, below, strict=True)], ranked.dtype)
    return np.asarray((low + share * (high - low)).T)


def _mean(values: Array) -> Array:
    """Along rows; 0 where there is nothing."""
    return np.asarray(np.add.reduce(values, axis=-1) / max(1, values.shape[-1]))


def _centre(values: Array) -> Array:
    """The mean along rows, summed in float64: a constant row keeps no rounding error that its deviations would show."""
    mean: Array = np.add.reduce(values, axis=-1, dtype=np.float64) / values.shape[-1]
    return mean.astype(values.dtype)


def _centred(values: Array) -> Array:
    return np.asarray(values - _centre(values)[..., np.newaxis])


@lru_cache(maxsize=256)
def _time(n: int, dtype: np.dtype[Any]) -> Array:
    """From -1 to 1."""
    return ((2 * np.arange(n) - (n - 1)) / max(1, n - 1)).astype(dtype)


@lru_cache(maxsize=256)
def _hann(n: int, dtype: np.dtype[Any]) -> Array:
    """Without the zeros at its ends."""
    return np.hanning(n + 2)[1:-1].astype(dtype)
