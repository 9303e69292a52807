"""How loud, how voiced and how high each frame is, from the power spectrum that its mel filters see already.

The inverse transform of a power spectrum is the autocorrelation of the frame. Divided by that of the window (Boersma,
1993, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound")
it is close to 1 at the period of a voiced sound.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .recipe import MfccRecipe, ProsodyRecipe

Array = NDArray[Any]

# A period's multiples fit as well as the period, so each octave further down must fit better by this (after Boersma,
# 1993). On real speech 0.05 agreed a little more often with pYIN than 0.02 did.
_OCTAVE_COST: Final = 0.05
_HARMONICS: Final = 2  # of the highest pitch that are heard: more bring formants in
_SAMPLES_A_PERIOD: Final = 16  # of the highest pitch; the parabola through three is within 3 cents then
_SMALLEST_POWER: Final = 1e-10

N_COLUMNS: Final = 3
"""Of a frame: level, voicing, pitch."""


class Prosody:
    """The prosody of frames.

    Args:
        recipe: where to look for the pitch.
        mfcc: how the spectra were made.
        window: what the frames were multiplied by, shape (frame_length,); of its dtype is what is returned.
    """

    def __init__(self, recipe: ProsodyRecipe, mfcc: MfccRecipe, window: Array) -> None:
        self._search: Final = _search(recipe, mfcc, window)

    def __call__(self, power: Array, mel: Array) -> Array:
        """Level, voicing and pitch.

        Args:
            power: spectra of frames, shape (n_frames, n_fft // 2 + 1).
            mel: the power that their mel filters let through, shape (n_frames, n_mels).

        Returns:
            Shape (n_frames, 3): ten times the common logarithm of the power in all mel filters; the normalised
            autocorrelation at the best period, about 0.3 for noise, 1 for a pure period, 0.8 for one near the lowest
            pitch; and log2 of the pitch in Hz, which means nothing where the second is small.
        """
        level = 10 * np.log10(np.maximum(mel.sum(axis=1), _SMALLEST_POWER))
        return np.stack([level, *self._pitch(power)], axis=1).astype(power.dtype, copy=False)

    def _pitch(self, power: Array) -> tuple[Array, Array]:
        search = self._search
        band = np.zeros((len(power), search.n_bins), power.dtype)
        band[:, search.band] = power[:, search.band]
        correlation = np.fft.irfft(band, axis=1)
        fit = correlation[:, search.lags] / (correlation[:, :1] + _SMALLEST_POWER) * search.window
        before, at, after = fit[:, :-2], fit[:, 1:-1], fit[:, 2:]
        # The parabola through each three: between two lags a short period would lose to a multiple that falls on one.
        bend = np.minimum(before - 2 * at + after, -_SMALLEST_POWER)
        beside = np.clip((before - after) / (2 * bend), -0.5, 0.5)
        top = at - (before - after) * beside / 4
        top = np.where(top > 1, 1 / np.maximum(top, 1), top)  # what is no period at all: Boersma, 1993
        is_peak = (at >= before) & (at >= after)
        best = np.where(is_peak, top - search.cost, -np.inf).argmax(axis=1)[:, np.newaxis]
        lags = search.lags.start + 1 + best + np.take_along_axis(beside, best, axis=1)
        return np.take_along_axis(top, best, axis=1)[:, 0], np.log2(search.rate_hz / lags[:, 0])


class _Search(NamedTuple):
    n_bins: int  # of the spectrum, up to half the lower rate
    rate_hz: float  # of the autocorrelation
    band: slice  # the bins that are heard
    lags: slice  # one more at each end than are tried
    window: Array  # 1 / autocorrelation of the window at those lags
    cost: Array  # of the lags that are tried


def _search(recipe: ProsodyRecipe, mfcc: MfccRecipe, window: Array) -> _Search:
    factor = 1  # fewer bins are a lower rate, and a cheaper transform
    while (
        mfcc.n_fft % (4 * factor) == 0 and mfcc.sample_rate_hz / (2 * factor) >= _SAMPLES_A_PERIOD * recipe.highest_hz
    ):
        factor *= 2
    rate_hz = mfcc.sample_rate_hz / factor
    bin_hz = mfcc.sample_rate_hz / mfcc.n_fft
    n_bins = mfcc.n_fft // 2 // factor + 1
    band = slice(int(recipe.lowest_hz / bin_hz), min(n_bins, int(_HARMONICS * recipe.highest_hz / bin_hz)))
    lags = slice(math.floor(rate_hz / recipe.highest_hz) - 1, math.ceil(rate_hz / recipe.lowest_hz) + 2)
    own = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, mfcc.n_fft))))[::factor]
    tried = np.arange(lags.start + 1, lags.stop - 1)
    cost = _OCTAVE_COST * np.log2(tried / tried[0])
    return _Search(n_bins, rate_hz, band, lags, (own[0] / own[lags]).astype(window.dtype), cost.astype(window.dtype))
