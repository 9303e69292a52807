"""Level, voicing and pitch of each frame, from the power spectrum that the mel filters already use.

The inverse transform of a power spectrum is the autocorrelation of the frame. Divided by that of the analysis window
(Boersma, 1993, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
sound"), it is close to 1 at the period of a voiced sound.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .recipe import MfccRecipe, ProsodyRecipe

Array = NDArray[Any]

# Multiples of a period fit equally well, so each lower octave must fit better by this value (after Boersma, 1993). On
# real speech, 0.05 agreed with pYIN a little more often than 0.02.
_OCTAVE_COST: Final = 0.05
_HARMONICS: Final = 2  # of the highest pitch that are used; more would include formants
_SAMPLES_PER_PERIOD: Final = 16  # of the highest pitch; a parabola through three values is then within 3 cents
_SMALLEST_POWER: Final = 1e-10

N_COLUMNS: Final = 3
"""The columns of a frame: level, voicing, pitch."""


class Prosody:
    """Computes the prosody of frames.

    Args:
        recipe: the range of the pitch.
        mfcc: the parameters of the spectra.
        window: the analysis window, shape (frame_length,), float64.

    Attributes:
        bins: the bins of a power spectrum that are used.
        cosines: shape (n_bins, 1 + n_lags), float64. The product of the power in these bins with this matrix is the
            autocorrelation at lag zero and at the lags around the possible periods, divided by that of the window. This
            is the inverse transform, but for so few bins and lags a product is faster.
    """

    def __init__(self, recipe: ProsodyRecipe, mfcc: MfccRecipe, window: Array) -> None:
        self._rate_hz = mfcc.sample_rate_hz / (factor := _factor(recipe, mfcc))
        bin_hz = mfcc.sample_rate_hz / mfcc.n_fft
        n_bins = mfcc.n_fft // 2 // factor + 1
        self.bins: Final = slice(
            int(recipe.lowest_hz / bin_hz), min(n_bins, int(_HARMONICS * recipe.highest_hz / bin_hz))
        )
        first, last = math.floor(self._rate_hz / recipe.highest_hz) - 1, math.ceil(self._rate_hz / recipe.lowest_hz) + 1
        lags = np.arange(first, last + 1)  # the first and the last are not candidates
        own = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, mfcc.n_fft))))[::factor]
        self.cosines: Final = _cosines(self.bins, np.append(0, lags), 2 * (n_bins - 1))
        self.cosines[:, 1:] *= own[0] / own[lags]
        self._lags: Final = lags
        self._cost: Final = _OCTAVE_COST * np.log2(lags / lags[1])

    def __call__(self, autocorrelation: Array, mel: Array) -> Array:
        """Compute level, voicing and pitch.

        Args:
            autocorrelation: the product with `cosines`, shape (n_frames, 1 + n_lags).
            mel: the power in the mel filters, shape (n_frames, n_mels).

        Returns:
            Shape (n_frames, 3). Level: the power in all mel filters in dB. Voicing: the normalised autocorrelation at
            the best period, about 0.3 for noise, 1 for a perfect period, 0.8 for one near the lowest pitch. Pitch: log2
            of the pitch in Hz, which is meaningless if the voicing is low.
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
        is_peak[:, 1] |= ~is_peak.any(axis=1)  # there must be at least one
        peaks = is_peak.ravel().nonzero()[0]  # in one dimension, numpy needs a quarter of the time
        top, beside = _parabola(flat, peaks)
        worth = np.full(fit.shape, -np.inf, fit.dtype)
        worth.ravel()[peaks] = top - self._cost[peaks % n_lags]
        best = worth.argmax(axis=1)
        chosen = peaks.searchsorted(best + np.arange(0, fit.size, n_lags))
        return top[chosen], np.log2(self._rate_hz / (self._lags[best] + beside[chosen]))


def _parabola(values: Array, places: Array) -> tuple[Array, Array]:
    """The maxima of the parabolas through values and their neighbours, and their offsets from the middle, -0.5 to 0.5.

    Without this, a short period between two lags would lose to a multiple of it that falls on a lag.
    """
    before, at, after = values[places - 1], values[places], values[places + 1]
    quarter = (before - after) / 4
    beside = 2 * quarter / np.minimum(before - 2 * at + after, -_SMALLEST_POWER)
    beside = np.minimum(np.maximum(beside, -0.5), 0.5)
    top = at - quarter * beside
    return np.minimum(top, 1 / np.maximum(top, 1)), beside  # a value above 1 is not a period: Boersma, 1993


def _factor(recipe: ProsodyRecipe, mfcc: MfccRecipe) -> int:
    """The factor by which the sample rate can be lowered, for fewer bins and fewer lags."""
    factor = 1
    while (
        mfcc.n_fft % (4 * factor) == 0 and mfcc.sample_rate_hz / (2 * factor) >= _SAMPLES_PER_PERIOD * recipe.highest_hz
    ):
        factor *= 2
    return factor


def _cosines(bins: slice, lags: Array, length: int) -> Array:
    """Columns of the inverse transform of a real spectrum of `length` samples, for some lags; (n_bins, n_lags)."""
    numbers = np.arange(bins.start, bins.stop)
    weights = np.where((numbers == 0) | (2 * numbers == length), 1, 2) / length  # all other bins occur twice
    return np.asarray(weights[:, np.newaxis] * np.cos(2 * np.pi / length * np.outer(numbers, lags)))
