"""The outline of a waveform of any length, in little memory."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Envelope:
    """The lowest and the highest sample of each column of a waveform.

    When there are too many columns, each pair of neighbours is merged into one. The result does not depend on the size
    of the blocks.

    Args:
        most: the largest number of columns.

    Attributes:
        n_samples: how many samples were processed so far.
        column_length: samples per column, a power of two; the last column may have fewer.
        low, high: the lowest and highest samples, shape (n_columns,), float32.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most: Final = most
        self.n_samples = 0
        self.column_length = 1
        self.low: Array = np.zeros(0, np.float32)
        self.high: Array = np.zeros(0, np.float32)

    def process(self, samples: Array) -> None:
        """Process the next block, shape (n,)."""
        n_missing = min(-self.n_samples % self.column_length, len(samples))  # of the last column
        if n_missing:
            self.low[-1] = min(self.low[-1], samples[:n_missing].min())
            self.high[-1] = max(self.high[-1], samples[:n_missing].max())
        rest = samples[n_missing:]
        self._append(rest, rest, self.column_length)
        self.n_samples += len(samples)
        while len(self.low) > self._most:
            low, high = self.low, self.high
            self.low = self.high = low[:0]
            self._append(low, high, 2)
            self.column_length *= 2

    def _append(self, low: Array, high: Array, length: int) -> None:
        starts = np.arange(0, len(low), length)
        if len(starts):
            self.low = np.concatenate([self.low, np.minimum.reduceat(low, starts)])
            self.high = np.concatenate([self.high, np.maximum.reduceat(high, starts)])
