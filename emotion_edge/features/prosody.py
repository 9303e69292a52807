"""How loud, how voiced and how high each frame is, from the power spectrum that its mel filters see already.

The inverse transform of a power spectrum is the autocorrelation of the frame. Divided by that of the window (Boersma,
1993, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound")
it is close to 1 at the period of a voiced sound.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

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
        window: what the frames were multiplied by, shape (frame_length,), float64.

    Attributes:
        bins: those of a power spectrum that are heard.
        cosines: shape (n_bins, 1 + n_lags), float64: the product of their power with it is the autocorrelation, at lag zero
            and at those around the periods that are tried, divided by the window's own. It is the inverse transform, but so
            few bins and lags are cheaper to multiply than to transform.
    """

    def __init__(self, recipe: ProsodyRecipe, mfcc: MfccRecipe, window: Array) -> None:
        self._rate_hz = mfcc.sample_rate_hz / (factor := _factor(recipe, mfcc))
        bin_hz = mfcc.sample_rate_hz / mfcc.n_fft
        n_bins = mfcc.n_fft // 2 // factor + 1
        self.bins: Final = slice(
            int(recipe.lowest_hz / bin_hz), min(n_bins, int(_HARMONICS * recipe.highest_hz / bin_hz))
        )
        first, last = math.floor(self._rate_hz / recipe.highest_hz) - 1, math.ceil(self._rate_hz / recipe.lowest_hz) + 1
        lags = np.arange(first, last + 1)  # all but the first and the last are tried
        own = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, mfcc.n_fft))))[::factor]
        self.cosines: Final = _cosines(self.bins, np.append(0, lags), 2 * (n_bins - 1))
        self.cosines[:, 1:] *= own[0] / own[lags]
        self._lags: Final = lags
        self._cost: Final = _OCTAVE_COST * np.log2(lags / lags[1])

    def __call__(self, autocorrelation: Array, mel: Array) -> Array:
        """Level, voicing and pitch.

        Args:
            autocorrelation: as the product with `cosines` has it, shape (n_frames, 1 + n_lags).
            mel: the power that the mel filters let through, shape (n_frames, n_mels).

        Returns:
            Shape (n_frames, 3): ten times the common logarithm of the power in all mel filters; the normalised
            autocorrelation at the best period, about 0.3 for noise, 1 for a pure period, 0.8 for one near the lowest
            pitch; and log2 of the pitch in Hz, which means nothing where the second is small.
        """
        columns = np.empty((len(mel), N_COLUMNS), mel.dtype)
        columns[:, 0] = 10 * np.log10(np.maximum(np.add.reduce(mel, axis=1), _SMALLEST_POWER))
        columns[:, 1], columns[:, 2] = self._pitch(autocorrelation)
        return columns

    def _pitch(self, autocorrelation: Array) -> tuple[Array, Array]:
        fit = autocorrelation[:, 1:] / (autocorrelation[:, :1] + _SMALLEST_POWER)
        flat, n_lags = fit.ravel(), fit.shape[1]
        is_peak = np.zeros(fit.shape, bool)
        middle = fit[:, 1:-1]
        np.logical_and(middle >= fit[:, :-2], middle >= fit[:, 2:], out=is_peak[:, 1:-1])
        is_peak[:, 1] |= ~is_peak.any(axis=1)  # there is always one
        peaks = is_peak.ravel().nonzero()[0]  # in one dimension: numpy takes a fourth of the time
        top, beside = _parabola(flat, peaks)
        worth = np.full(fit.shape, -np.inf, fit.dtype)
        worth.ravel()[peaks] = top - self._cost[peaks % n_lags]
        best = worth.argmax(axis=1)
        chosen = peaks.searchsorted(best + np.arange(0, fit.size, n_lags))
        return top[chosen], np.log2(self._rate_hz / (self._lags[best] + beside[chosen]))


def _parabola(values: Array, places: Array) -> tuple[Array, Array]:
    """The tops of the parabolas through values and their neighbours, and where they lie, -0.5 to 0.5 beside the middle.

    Between two lags a short period would else lose to a multiple that falls on one.
    """
    before, at, after = values[places - 1], values[places], values[places + 1]
    quarter = (before - after) / 4
    beside = 2 * quarter / np.minimum(before - 2 * at + after, -_SMALLEST_POWER)
    beside = np.minimum(np.maximum(beside, -0.5), 0.5)
    top = at - quarter * beside
    return np.minimum(top, 1 / np.maximum(top, 1)), beside  # above 1 is what is no period at all: Boersma, 1993


def _factor(recipe: ProsodyRecipe, mfcc: MfccRecipe) -> int:
    """By how much lower a rate does: fewer bins, and fewer lags."""
    factor = 1
    while (
        mfcc.n_fft % (4 * factor) == 0 and mfcc.sample_rate_hz / (2 * factor) >= _SAMPLES_A_PERIOD * recipe.highest_hz
    ):
        factor *= 2
    return factor


def _cosines(bins: slice, lags: Array, length: int) -> Array:
    """Columns of the inverse transform of a real spectrum, of so many samples, at some lags; (n_bins, n_lags)."""
    numbers = np.arange(bins.start, bins.stop)
    weights = np.where((numbers == 0) | (2 * numbers == length), 1, 2) / length  # all other bins are there twice
    return np.asarray(weights[:, np.newaxis] * np.cos(2 * np.pi / length * np.outer(numbers, lags)))
