"""Cuts a stream of samples into blocks of equal length, whatever the sizes in which it arrives."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Blocks:
    """Cuts a stream into blocks of equal length.

    Args:
        length: the length of a block, in samples.
    """

    def __init__(self, length: int) -> None:
        self.length: Final = length
        self._pending: Array = np.zeros(0, np.float32)

    @property
    def n_pending(self) -> int:
        """The number of samples that wait until their block is complete."""
        return len(self._pending)

    def process(self, samples: Array) -> Array:
        """Add samples, shape (n,), and return the blocks that they complete, shape (n_blocks, length)."""
        pending = np.concatenate([self._pending, samples])
        n_blocks = len(pending) // self.length
        self._pending = pending[n_blocks * self.length :]
        return pending[: n_blocks * self.length].reshape(n_blocks, self.length)

    def flush(self) -> Array:
        """Return the samples of the incomplete last block, shape (n_pending,), and forget them."""
        rest, self._pending = self._pending, self._pending[:0]
        return rest
