"""Limits features that are far from all others, for example because of a scratch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def clipped(features: Array, deviations: float) -> Array:
    """Clip each feature to a number of standard deviations around its mean over the other axes.

    Args:
        features: shape (..., n_features).
        deviations: number of standard deviations.
    """
    others = tuple(range(features.ndim - 1))
    mean, furthest = features.mean(axis=others), deviations * features.std(axis=others)
    return np.asarray(np.clip(features, mean - furthest, mean + furthest))
