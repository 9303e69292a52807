"""Mel filters: triangles over the bins of a power spectrum, equally spaced on a scale of pitch.

Sources: Slaney, Auditory Toolbox, 1998, and Young et al., The HTK Book, 2006, for the two mel scales; librosa 0.11 and
python_speech_features 0.6 for the edges and the weights of the triangles.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .recipe import MfccRecipe

Array = NDArray[Any]

_FILTERS_PER_GROUP: Final = 16

_SLANEY_BREAK_HZ: Final = 1000.0
_SLANEY_HZ_PER_MEL: Final = 200 / 3
_SLANEY_BREAK_MEL: Final = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL
_SLANEY_LOG_STEP: Final = np.log(6.4) / 27


def mel_filters(recipe: MfccRecipe) -> Iterator[tuple[slice, Array]]:
    """Yield groups of neighbouring filters, each with the bins of the spectrum outside of which they are zero.

    The filters of a group are float64, shape (n_bins, n_filters).
    """
    to_mel, to_hz = {"slaney": (_hz_to_slaney, _slaney_to_hz), "htk": (_hz_to_htk, _htk_to_hz)}[recipe.mel_scale]
    lowest, highest = to_mel(np.array([recipe.fmin_hz, recipe.fmax_hz]))
    edges_hz = to_hz(np.linspace(lowest, highest, recipe.n_mels + 2))
    if recipe.mel_edges == "bins":
        edges = np.floor((recipe.n_fft + 1) * edges_hz / recipe.sample_rate_hz)
        bins = np.arange(recipe.n_fft // 2 + 1, dtype=np.float64)
    else:
        edges = edges_hz
        bins = np.arange(recipe.n_fft // 2 + 1) * recipe.sample_rate_hz / recipe.n_fft
    for first in range(0, recipe.n_mels, _FILTERS_PER_GROUP):
        last = min(first + _FILTERS_PER_GROUP, recipe.n_mels)
        left, centre, right = (edges[first + side : last + side, None] for side in range(3))
        with np.errstate(divide="ignore", invalid="ignore"):  # edges on the same bin have no slope
            rising = np.where((left <= bins) & (bins < centre), (bins - left) / (centre - left), 0)
            falling = np.where((centre <= bins) & (bins < right), (right - bins) / (right - centre), 0)
        filters = rising + falling
        if recipe.mel_norm == "area":
            filters *= 2 / (edges_hz[first + 2 : last + 2] - edges_hz[first:last])[:, None]
        used = np.flatnonzero(filters.any(axis=0))
        within = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        yield within, filters[:, within].T.copy()


def _hz_to_slaney(hz: Array) -> Array:
    logarithmic = _SLANEY_BREAK_MEL + np.log(np.maximum(hz, _SLANEY_BREAK_HZ) / _SLANEY_BREAK_HZ) / _SLANEY_LOG_STEP
    return np.where(hz < _SLANEY_BREAK_HZ, hz / _SLANEY_HZ_PER_MEL, logarithmic)


def _slaney_to_hz(mel: Array) -> Array:
    logarithmic = _SLANEY_BREAK_HZ * np.exp(_SLANEY_LOG_STEP * (mel - _SLANEY_BREAK_MEL))
    return np.where(mel < _SLANEY_BREAK_MEL, mel * _SLANEY_HZ_PER_MEL, logarithmic)


def _hz_to_htk(hz: Array) -> Array:
    return np.asarray(2595 * np.log10(1 + hz / 700))


def _htk_to_hz(mel: Array) -> Array:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))
