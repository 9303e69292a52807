"""From the frames of a clip to the one vector that a dense model takes: the poolings that a recipe may name."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .functionals import functional_names, functionals

Array = NDArray[Any]

LAGS: Final = (1, 4, 16)
"""How far apart, in frames, `statistics` compares them: at hops of 10 ms a vowel's course, a sound's, a syllable's."""


def mean(frames: Array) -> Array:
    """The mean over time: (n_frames, n) to (n,). Summed in float64, so that hours of frames lose nothing."""
    return np.asarray(frames.mean(axis=0, dtype=np.float64).astype(frames.dtype))


def statistics(frames: Array) -> Array:
    """Where coefficients lie, how far they spread and how fast they move: (n_frames, n) to (5 n - 1,).

    The mean over time, without the first coefficient's, which is the gain of the microphone; the standard deviation;
    for each of `LAGS` the mean of the absolute difference to the frame so much earlier, 0 where a clip is no longer
    than the lag. Sums are in float64.
    """
    parts = [frames.mean(axis=0, dtype=np.float64)[1:], frames.std(axis=0, dtype=np.float64)]
    for lag in LAGS:
        changes = np.abs(frames[lag:] - frames[:-lag])
        parts.append(changes.sum(axis=0, dtype=np.float64) / max(1, len(changes)))
    return np.concatenate(parts).astype(frames.dtype)


POOLINGS: Final = {"mean": mean, "statistics": statistics, "functionals": functionals}
"""By the names that recipes give them."""


def feature_names(pooling: str, n_mfcc: int) -> tuple[str, ...]:
    """What each number is of the vector that a pooling makes of frames of so many coefficients."""
    if pooling == "functionals":
        return functional_names(n_mfcc)
    cepstra = [f"mfcc_{number}" for number in range(n_mfcc)]
    means = [f"{column}.mean" for column in cepstra]
    if pooling == "mean":
        return tuple(means)
    changes = [f"{column}.change_over_{lag}" for lag in LAGS for column in cepstra]
    return (*means[1:], *(f"{column}.deviation" for column in cepstra), *changes)
