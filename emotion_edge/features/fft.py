"""The Fourier transform of frames: numpy's; or scipy's, which takes several at once, in a process that has loaded it."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def rfft(frames: Array, n: int) -> Array:
    """The transforms of real frames, shape (n_frames, length), as of n samples each; shape (n_frames, n // 2 + 1)."""
    transform = getattr(sys.modules.get("scipy.fft"), "rfft", np.fft.rfft)
    return np.asarray(transform(frames, n=n, axis=1))


def prepare_for_long() -> None:
    """Load scipy.fft where it is installed (`emotion-edge[fast]`): for a process that will go on for hours.

    To import it takes 0.2 s of CPU and 29 MB, what its transforms save in half an hour of speech: a loss for a few clips.
    """
    with suppress(ImportError):
        import scipy.fft  # noqa: F401
