"""Functionals: statistics over the frames of an utterance that describe its timbre, loudness, melody and rhythm.

The word is the field's (Eyben et al., 2016, "The Geneva minimalistic acoustic parameter set"): statistics over time of
descriptors of single frames, here of MFCCs, voicing and pitch. docs/lab-book.md reports measurements of which ones help
with unknown speakers.
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
"""The distances, in frames, over which changes are measured: with hops of 10 ms within a sound, a sound, a syllable."""
QUANTILES: Final = (10, 25, 50, 75, 90)
CHANGE_LAG: Final = 4
CHANGE_QUANTILES: Final = (5, 25, 75, 95)
N_CORRELATED: Final = 12
"""The number of coefficients, from the first, whose correlations are used."""
N_CHANGING: Final = 20
"""The number of coefficients, from the first, whose quantiles of change are used. A recipe needs at least this many."""
N_MODULATED: Final = 16
"""The number of coefficients, from the first, whose modulation is used."""
MODULATION_BINS: Final = (3, 11, 21, 31, 47, 72, 128, 256)
"""Band edges, in bins of a transform of 512 frames: with hops of 10 ms, 0.5, 2, 4, 6, 9, 14, 25 and 50 Hz."""

_N_TRANSFORM: Final = 512
_VOICED: Final = 0.55
_BELOW_LOUDEST_DB: Final = 40.0
_ABOVE_QUIET_DB: Final = 3.0
_RANGE_DB: Final = 60.0  # below the loudest frame; quieter frames are pauses, whose level is only the microphone's
_QUIET: Final = 5  # per cent of the frames define the quiet level
_LOUD: Final = 67  # per cent of the frames are quieter than the loud third
_FEWEST: Final = 6  # frames: if fewer are active (or voiced), all frames (or all active ones) are used instead
_MELODY_QUANTILES: Final = (5, 25, 50, 75, 95, 10, 90)
_LARGEST_STEP: Final = 0.15  # octaves from one frame to the next; a larger step is an error of the pitch tracker
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
    """Name each number that `functionals` returns for frames with `n_mfcc` coefficients; `mfcc_0` is the gain."""
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
    """Compute the functionals of an utterance.

    Only the frames from the first to the last active one are used. A frame is active if it is less than 40 dB below the
    loudest frame, and more than 3 dB above the level that 5 % of the frames do not reach.

    Args:
        frames: coefficients, followed by level, voicing and pitch as in `emotion_edge.features.prosody`, shape
            (n_frames, n_mfcc + 3), with n_mfcc at least `N_CHANGING`.

    Returns:
        The functionals, shape (len(functional_names(n_mfcc)),), with the dtype of the frames.
    """
    utterance = _Utterance.of(frames)
    active = _Selection.of(utterance.columns[:, utterance.active], slice(_VOICING), (*QUANTILES, _LOUD))
    voiced = _Selection.of(utterance.columns[:, utterance.voiced], _PITCH, _MELODY_QUANTILES)
    slopes = _slope(utterance.columns)
    groups: list[ArrayLike] = [
        *_distribution(utterance, active),
        *_course(utterance.columns[:_LEVEL], slopes[:_LEVEL]),
        *_together(active, voiced),
        *_prosody(utterance, active, voiced, slopes[_LEVEL]),
    ]
    return np.concatenate(groups, dtype=frames.dtype)


@dataclass(frozen=True)
class _Utterance:
    """The frames from the first to the last active one.

    Time runs along rows, because numpy sorts and sums them faster, and sums them pairwise, which is precise in float32.

    Attributes:
        columns: the columns of the frames, shape (n_mfcc + 3, n).
        active: whether each frame is active, shape (n,).
        voiced: whether each frame is voiced, shape (n,).
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
        kept = slice(places[0], places[-1] + 1)
        columns, active = columns[:, kept], active[kept]
        voiced = active & (columns[_VOICING] > _VOICED)
        return cls(columns, active, voiced if np.count_nonzero(voiced) >= _FEWEST else active)


class _Selection(NamedTuple):
    """Statistics of the columns of some frames."""

    mean: Array  # (n_columns,)
    centred: Array  # (n_columns, n)
    deviation: Array  # (n_columns,)
    quantiles: Array  # (len(percents), ...) of the ranked columns

    @classmethod
    def of(cls, columns: Array, ranked: slice | int, percents: Sequence[int]) -> _Selection:
        mean = _centre(columns)
        centred = columns - mean[:, np.newaxis]  # so that squares and products stay small
        return cls(mean, centred, np.sqrt(_mean(np.square(centred))), _quantiles(columns[ranked], percents))

    def covariances(self, column: int) -> Array:
        """The covariances of the coefficients with a column that is divided by its deviation."""
        one = self.centred[column] / (self.centred.shape[1] * (self.deviation[column] + _LITTLE))
        return np.asarray(np.einsum("ij,j->i", self.centred[:_LEVEL], one))


def _distribution(utterance: _Utterance, active: _Selection) -> Iterator[ArrayLike]:
    """The distribution of the coefficients of active frames. The mean of the first one is left out: it is the gain."""
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
    """The changes of the coefficients: over each lag, over the whole utterance, how fast and how regular they are."""
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


def _together(active: _Selection, voiced: _Selection) -> Iterator[Array]:
    """Relations of the coefficients to each other, to the level, to the pitch and to voicing."""
    standard = active.centred[:N_CORRELATED] / (active.deviation[:N_CORRELATED, np.newaxis] + _LITTLE)
    correlations = standard @ standard.T / standard.shape[1]
    yield correlations[_PAIRS]
    yield active.covariances(_LEVEL)
    yield voiced.covariances(_PITCH)
    yield voiced.mean[1:_LEVEL]
    yield voiced.deviation[:_LEVEL]


def _prosody(utterance: _Utterance, active: _Selection, voiced: _Selection, level_slope: float) -> Iterator[ArrayLike]:
    """Melody, voicing, loudness and rhythm, in the order of `_PROSODIC`."""
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
    """The changes from each frame to the one `lag` frames later; a single zero if the utterance is too short."""
    if values.shape[-1] <= lag:
        return np.zeros_like(values[..., :1])
    return np.asarray(difference(values[..., lag:], values[..., :-lag]))


def _slope(values: Array, some: Array | None = None) -> Array:
    """The slope of a straight line along rows, per half utterance; only for some frames if these are given."""
    time = _time(values.shape[-1], values.dtype)
    if some is not None:
        time, values = _centred(time[some]), values[some]
    # The times have mean 0, so the values need not. Not `@`, which would wake the threads of OpenBLAS.
    return np.asarray(np.einsum("...i,i->...", values, time) / (np.einsum("i,i->", time, time) + _LITTLE))


def _quantiles(values: Array, percents: Sequence[int]) -> Array:
    """The quantiles along rows, (..., n), with linear interpolation; shape (len(percents), ...)."""
    ranked, last = np.sort(values), values.shape[-1] - 1
    places = [percent / 100 * last for percent in percents]
    below = [int(place) for place in places]
    low, high = ranked[..., below], ranked[..., [min(rank + 1, last) for rank in below]]
    share = np.array([place - rank for place, rank in zip(places, below, strict=True)], ranked.dtype)
    return np.asarray((low + share * (high - low)).T)


def _mean(values: Array) -> Array:
    """The mean along rows; 0 for empty rows."""
    return np.asarray(np.add.reduce(values, axis=-1) / max(1, values.shape[-1]))


def _centre(values: Array) -> Array:
    """The mean along rows, summed in float64: otherwise rounding errors would give a constant row a deviation."""
    mean: Array = np.add.reduce(values, axis=-1, dtype=np.float64) / values.shape[-1]
    return mean.astype(values.dtype)


def _centred(values: Array) -> Array:
    return np.asarray(values - _centre(values)[..., np.newaxis])


@lru_cache(maxsize=256)
def _time(n: int, dtype: np.dtype[Any]) -> Array:
    """The times of n frames, from -1 to 1."""
    return ((2 * np.arange(n) - (n - 1)) / max(1, n - 1)).astype(dtype)


@lru_cache(maxsize=256)
def _hann(n: int, dtype: np.dtype[Any]) -> Array:
    """A Hann window of n samples, without the zeros at its ends."""
    return np.hanning(n + 2)[1:-1].astype(dtype)
