"""Poolings: functions that turn the frames of a clip into the one vector that a dense model needs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LAGS: Final = (1, 4, 16)
"""The distances, in frames, over which `statistics` measures changes: with hops of 10 ms within a sound, a sound, a
syllable."""

LOUD_RANGE_DB: Final = 30.0
"""The range below the loudest frame that `loud` uses. On unknown corpora, 20 dB, 40 dB and all frames were worse."""


def mean(frames: Array) -> Array:
    """The mean over time: (n_frames, n) to (n,). The sum is in float64, so that hours of frames lose no precision."""
    return np.asarray(frames.mean(axis=0, dtype=np.float64).astype(frames.dtype))


def statistics(frames: Array) -> Array:
    """Mean, standard deviation and speed of change of the coefficients: (n_frames, n) to (5 n - 1,).

    The mean over time does not include the first coefficient, which is the gain of the microphone. For each of `LAGS`,
    the change is the mean absolute difference to the frame that many frames earlier; it is 0 if the clip is too short.
    Sums are in float64.
    """
    vectors = [frames.mean(axis=0, dtype=np.float64)[1:], frames.std(axis=0, dtype=np.float64)]
    for lag in LAGS:
        changes = np.abs(frames[lag:] - frames[:-lag])
        vectors.append(changes.sum(axis=0, dtype=np.float64) / max(1, len(changes)))
    return np.concatenate(vectors).astype(frames.dtype)


def loud(frames: Array) -> Array:
    """Mean and standard deviation of the outputs of an encoder during speech: (n_frames, n + 1) to (2 n,).

    Only frames less than 30 dB below the loudest frame are used; the last column is their level in decibels. Sums are
    in float64.
    """
    level = frames[:, -1]
    spoken = frames[level >= level.max() - LOUD_RANGE_DB, :-1].astype(np.float64)
    return np.concatenate([spoken.mean(axis=0), spoken.std(axis=0)]).astype(frames.dtype)


POOLINGS: Final = {"mean": mean, "statistics": statistics, "loud": loud}
"""The poolings, by their names in recipes."""


def encoder_feature_names(width: int) -> tuple[str, ...]:
    """Name each number of the vector that `loud` makes from the frames of an encoder with `width` outputs."""
    return tuple(f"encoder_{number}.{what}" for what in ("mean", "deviation") for number in range(width))


def feature_names(pooling: str, n_mfcc: int) -> tuple[str, ...]:
    """Name each number of the vector that a pooling makes from frames with `n_mfcc` coefficients."""
    cepstra = [f"mfcc_{number}" for number in range(n_mfcc)]
    means = [f"{column}.mean" for column in cepstra]
    if pooling == "mean":
        return tuple(means)
    changes = [f"{column}.change_over_{lag}" for lag in LAGS for column in cepstra]
    return (*means[1:], *(f"{column}.deviation" for column in cepstra), *changes)
