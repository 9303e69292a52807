"""From the frames of a clip to the one vector that a dense model takes: the poolings that a recipe may name."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def mean(frames: Array) -> Array:
    """The mean over time: (n_frames, n) to (n,). Summed in float64, so that hours of frames lose nothing."""
    return np.asarray(frames.mean(axis=0, dtype=np.float64).astype(frames.dtype))


POOLINGS: Final = {"mean": mean}
