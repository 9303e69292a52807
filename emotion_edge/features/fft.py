"""The Fourier transform of frames: numpy's, or scipy's if this process has loaded it, which is faster."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def rfft(frames: Array, n: int) -> Array:
    """Transform real frames, shape (n_frames, length), padded or cut to n samples; shape (n_frames, n // 2 + 1)."""
    transform = getattr(sys.modules.get("scipy.fft"), "rfft", np.fft.rfft)
    return np.asarray(transform(frames, n=n, axis=1))


def prepare_for_long() -> None:
    """Load scipy.fft if it is installed (`emotion-edge[fast]`), for a process that runs for hours.

    The import takes 0.2 s of CPU time and 29 MB. Its faster transforms save that time in half an hour of speech, so it
    is not worth it for a few clips.
    """
    with suppress(ImportError):
        import scipy.fft  # noqa: F401
