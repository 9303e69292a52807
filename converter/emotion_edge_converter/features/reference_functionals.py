"""An independent implementation of `emotion_edge.features.prosody` and `.functionals`, in float64, one column at a
time.

It follows the same definitions but shares no code with them. Frames and mel filters come from librosa, the
autocorrelation is a sum of cosines in Hz and seconds, and every statistic is computed from one series of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any, Final

import librosa
import numpy as np
from librosa.filters import get_window, mel
from numpy.typing import NDArray

from emotion_edge.features import functionals as runtime
from emotion_edge.features.recipe import MfccRecipe, ProsodyRecipe

Array = NDArray[Any]

_SMALLEST_POWER: Final = 1e-10
_LITTLE: Final = 1e-3


def prosody(samples: Array, mfcc: MfccRecipe, recipe: ProsodyRecipe) -> Array:
    """Level, voicing and log2 of the pitch in Hz, for frames centred as in librosa, shape (n_frames, 3).

    Args:
        samples: mono, at the recipe's rate, shape (n,).
        mfcc: the recipe of the MFCC, from the preset librosa.
        recipe: the range of the pitch.
    """
    window = get_window("boxcar" if mfcc.window == "rectangular" else mfcc.window, mfcc.window_length)
    spectrum = librosa.stft(
        samples.astype(np.float64) * mfcc.sample_scale,
        n_fft=mfcc.n_fft,
        hop_length=mfcc.hop_length,
        win_length=mfcc.window_length,
        window=window,
    )
    filters = mel(
        sr=mfcc.sample_rate_hz,
        n_fft=mfcc.n_fft,
        n_mels=mfcc.n_mels,
        fmin=mfcc.fmin_hz,
        fmax=mfcc.fmax_hz,
        htk=mfcc.mel_scale == "htk",
        norm="slaney" if mfcc.mel_norm == "area" else None,
        dtype=np.float64,
    )
    power = np.abs(spectrum) ** 2
    level = librosa.power_to_db(filters.sum(axis=0) @ power, amin=_SMALLEST_POWER, top_db=None)
    return np.column_stack([level, *_voicing_and_pitch(power, window, mfcc, recipe)])


def _voicing_and_pitch(power: Array, window: Array, mfcc: MfccRecipe, recipe: ProsodyRecipe) -> tuple[Array, Array]:
    """Voicing and log2 of the pitch, from power spectra of shape (n_bins, n_frames)."""
    rate_hz = mfcc.sample_rate_hz
    slower = [2**n for n in range(1, 17) if mfcc.n_fft % 2 ** (n + 1) == 0 and rate_hz / 2**n >= 16 * recipe.highest_hz]
    step = max(slower, default=1)  # samples from one lag to the next
    lags = step * np.arange(rate_hz / step // recipe.highest_hz - 1, -(-rate_hz / step // recipe.lowest_hz) + 2)
    bins = np.arange(int(recipe.lowest_hz * mfcc.n_fft / rate_hz), int(2 * recipe.highest_hz * mfcc.n_fft / rate_hz))
    cosines = np.cos(2 * np.pi * np.outer(lags / rate_hz, bins * rate_hz / mfcc.n_fft))
    # The transform of the runtime divides by its length before it adds the smallest power.
    smallest = _SMALLEST_POWER * mfcc.n_fft / step / 2
    fit = cosines @ power[bins] / (power[bins].sum(axis=0) + smallest)
    fit /= np.array([window[int(lag) :] @ window[: len(window) - int(lag)] for lag in lags])[:, None] / (
        window @ window
    )
    threes = np.stack([fit[:-2], fit[1:-1], fit[2:]])
    bend, slope, top = np.polyfit([-1, 0, 1], threes.reshape(3, -1), 2).reshape(threes.shape)
    beside = np.clip(-slope / (2 * np.minimum(bend, -_SMALLEST_POWER / 2)), -0.5, 0.5)
    height = top + slope * beside / 2
    height[height > 1] **= -1
    places = (lags[1:-1, None] / step + beside) * step / rate_hz
    cost = 0.05 * np.log2(lags[1:-1] / lags[1])
    chosen = [_best_peak(*frame) - 1 for frame in zip(fit.T, (height - cost[:, None]).T, strict=True)]
    frames = np.arange(len(chosen))
    return height[chosen, frames], -np.log2(places[chosen, frames])


def _best_peak(fit: Array, worth: Array) -> int:
    """The number of the lag with the best peak of the autocorrelation of a frame; the first lag if there is no peak."""
    peaks = [i for i in range(1, len(fit) - 1) if fit[i] >= max(fit[i - 1], fit[i + 1])]
    return max(peaks, key=lambda i: worth[i - 1], default=1)


def functionals(frames: Array) -> Array:
    """The functionals of frames of shape (n_frames, n_mfcc + 3), float64. Shape (764,) for 40 coefficients."""
    columns, active, voiced = _utterance(np.asarray(frames, np.float64))
    *cepstra, level, voicing, pitch = columns
    return np.array(
        [
            *_distribution(cepstra, level, active),
            *_course(cepstra),
            *_together(cepstra, level, pitch, active, voiced),
            *_melody(pitch, voiced),
            *_voice(voicing, active, voiced),
            *_loudness(level, active, voiced),
        ]
    )


def _utterance(frames: Array) -> tuple[list[Array], Array, Array]:
    """The columns from the first to the last active frame, and which of these frames are active and voiced."""
    level = np.clip(frames[:, -3], frames[:, -3].max() - 60, None)
    frames = np.column_stack([frames[:, :-3], level, frames[:, -2:]])
    active = (level > level.max() - 40) & (level > _quantile(level, 5) + 3)
    if np.count_nonzero(active) < 6:
        active[:] = True
    inside = np.maximum.accumulate(active) & np.maximum.accumulate(active[::-1])[::-1]
    columns, active = list(frames[inside].T), active[inside]
    voiced = active & (columns[-2] > 0.55)
    return columns, active, voiced if np.count_nonzero(voiced) >= 6 else active


def _distribution(cepstra: list[Array], level: Array, active: Array) -> Iterator[Any]:
    speech = [column[active] for column in cepstra]
    yield from map(np.mean, speech[1:])
    yield from map(np.std, speech)
    for percent in runtime.QUANTILES:
        yield from (_quantile(column, percent) for column in speech[1:])
    yield from (
        _quantile(speech[0], percent) - _quantile(speech[0], 50) for percent in runtime.QUANTILES if percent != 50
    )
    loud = level >= _quantile(level[active], 67)
    yield from (np.mean(column[loud]) - np.mean(column[active]) for column in cepstra[1:])


def _course(cepstra: list[Array]) -> Iterator[Any]:
    for lag in runtime.LAGS:
        yield from (np.mean(np.abs(_changes(column, lag))) for column in cepstra)
    everywhere = np.ones(len(cepstra[0]), bool)
    yield from (_slope(column, everywhere) for column in cepstra)
    for percent in runtime.CHANGE_QUANTILES:
        yield from (_quantile(_changes(column, 4), percent) for column in cepstra[: runtime.N_CHANGING])
    powers = [_modulation(column[:512]) for column in cepstra[: runtime.N_MODULATED]]
    for first, end in pairwise(runtime.MODULATION_BINS):
        yield from (math.log(np.mean(power[first:end]) + _LITTLE) for power in powers)


def _together(cepstra: list[Array], level: Array, pitch: Array, active: Array, voiced: Array) -> Iterator[Any]:
    correlated = [column[active] for column in cepstra[: runtime.N_CORRELATED]]
    for number, one in enumerate(correlated):
        for other in correlated[number + 1 :]:
            yield _covariance(one, other) / (np.std(one) + _LITTLE) / (np.std(other) + _LITTLE)
    for measure, frames in ((level, active), (pitch, voiced)):
        deviation = np.std(measure[frames]) + _LITTLE
        yield from (_covariance(measure[frames], column[frames]) / deviation for column in cepstra)
    yield from (np.mean(column[voiced]) for column in cepstra[1:])
    yield from (np.std(column[voiced]) for column in cepstra)


def _melody(pitch: Array, voiced: Array) -> Iterator[Any]:
    melody = pitch[voiced]
    yield from (np.mean(melody), np.std(melody), _slope(pitch, voiced))
    yield from (_quantile(melody, percent) for percent in (5, 25, 50, 75, 95))
    yield _quantile(melody, 90) - _quantile(melody, 10)
    steps = [step for step in _steps(pitch, voiced, 1) if abs(step) < 0.15]
    yield from (_mean_or_0([abs(step) for step in steps]), _mean_or_0(steps))
    for lag in (4, 16):
        yield _mean_or_0([abs(step) for step in _steps(pitch, voiced, lag)])


def _voice(voicing: Array, active: Array, voiced: Array) -> Iterator[Any]:
    yield from (np.mean(voicing[active]), np.std(voicing[active]), np.mean(voicing[voiced]))
    lengths = [len(list(run)) for is_voiced, run in groupby(voiced) if is_voiced]
    yield from (np.mean(voiced), np.count_nonzero(voiced) / np.count_nonzero(active))
    yield from (np.mean(lengths), np.std(lengths), len(lengths) / len(voiced))


def _loudness(level: Array, active: Array, voiced: Array) -> Iterator[Any]:
    quiet, middle, loud = (_quantile(level[active], percent) for percent in (10, 50, 90))
    yield from (np.std(level[active]), loud - middle, middle - quiet, np.mean(level[voiced]) - middle)
    yield _slope(level, np.ones(len(level), bool))
    yield from (np.mean(np.abs(_changes(level, lag))) for lag in (1, 8))
    yield from (np.mean(active), math.log(len(active)))


def _quantile(values: Array, percent: float) -> float:
    """A quantile, interpolated linearly between the values of nearest rank."""
    return float(np.interp(percent / 100 * (len(values) - 1), range(len(values)), np.sort(values)))


def _changes(values: Array, lag: int) -> Array:
    return np.array([values[i] - values[i - lag] for i in range(lag, len(values))] or [0.0])


def _steps(values: Array, wanted: Array, lag: int) -> list[float]:
    """Changes between pairs of values that are both wanted."""
    return [values[i] - values[i - lag] for i in range(lag, len(values)) if wanted[i] and wanted[i - lag]]


def _slope(values: Array, wanted: Array) -> float:
    """The slope per half utterance, by least squares. The second equation pulls it slightly towards 0."""
    n = len(values)
    time = np.array([2 * i / (n - 1) - 1 if n > 1 else 0.0 for i in range(n)])[wanted]
    left = np.append(time - np.mean(time), math.sqrt(_LITTLE))[:, None]
    right = np.append(values[wanted] - np.mean(values[wanted]), 0)
    return float(np.linalg.lstsq(left, right)[0][0])


def _modulation(values: Array) -> Array:
    """The power at 256 frequencies up to half the frame rate: a Fourier sum with a window without zeros."""
    n = len(values)
    window = [math.sin(math.pi * (i + 1) / (n + 1)) ** 2 for i in range(n)]
    turns = np.exp(-2j * np.pi * np.outer(np.arange(256), np.arange(n)) / 512)
    return np.asarray(np.abs(turns @ ((values - np.mean(values)) * window)) ** 2 / n)


def _covariance(one: Array, other: Array) -> float:
    return float(np.cov(one, other, bias=True)[0, 1])


def _mean_or_0(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0
