"""A stream of samples cut into blocks of one length, the same ones however it arrives."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Blocks:
    """Cuts a stream into blocks.

    Args:
        length: of a block, in samples.
    """

    def __init__(self, length: int) -> None:
        self.length: Final = length
        self._pending: Array = np.zeros(0, np.float32)

    @property
    def n_pending(self) -> int:
        """Samples that wait for their block to be whole."""
        return len(self._pending)

    def process(self, samples: Array) -> Array:
        """The blocks that these samples, shape (n,), complete; shape (n_blocks, length)."""
        pending = np.concatenate([self._pending, samples])
        n_blocks = len(pending) // self.length
        self._pending = pending[n_blocks * self.length :]
        return pending[: n_blocks * self.length].reshape(n_blocks, self.length)

    def flush(self) -> Array:
        """The samples, shape (n_pending,), whose block the end of the stream leaves unfinished; they wait no more."""
        rest, self._pending = self._pending, self._pending[:0]
        return rest
