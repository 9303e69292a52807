"""Features that lie too far from all the others: a tracker's mistake, a scratch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def clipped(features: Array, deviations: float) -> Array:
    """Features, shape (..., n_features), none further than so many deviations from its mean over all other axes."""
    others = tuple(range(features.ndim - 1))
    mean, furthest = features.mean(axis=others), deviations * features.std(axis=others)
    return np.asarray(np.clip(features, mean - furthest, mean + furthest))
