"""Decides by loudness alone whether sound can be speech."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..audio.blocks import Blocks

_BLOCK_S: Final = 0.02
LOUD_DBFS: Final = -60.0  # below the self-noise of cheap microphones, above the dither of 16-bit files (-96)
_AT_ONCE_S: Final = 0.2
_SHORTEST_S: Final = 0.1  # no syllable is shorter


class LoudBlocks:
    """Marks the loud blocks of a stream: 20 ms long and louder than -60 dBFS.

    The result does not depend on how the samples are split.

    Attributes:
        block_s: the length of a block in seconds; it is a whole number of samples.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._blocks: Final = Blocks(round(_BLOCK_S * sample_rate_hz))
        self.block_s: Final = self._blocks.length / sample_rate_hz

    def process(self, samples: NDArray[Any]) -> NDArray[np.bool_]:
        """Add mono samples, shape (n,), and return whether each block that they complete is loud, shape (n_blocks,)."""
        return np.asarray(powers(self._blocks.process(samples)) >= 10 ** (LOUD_DBFS / 10))


def enough(n_loud: int) -> bool:
    """Whether this number of loud blocks can contain speech."""
    return n_loud * _BLOCK_S >= _SHORTEST_S - 1e-9


class LevelGate:
    """Decides whether a clip can contain speech: at least 0.1 s of it must be louder than -60 dBFS.

    It rejects silence, inaudible hum, a constant offset and clicks, but not noise or music. The verdict does not depend
    on how the samples are split into blocks.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._loud: Final = LoudBlocks(sample_rate_hz)
        self._at_once: Final = round(_AT_ONCE_S * sample_rate_hz)
        self._n_loud = 0

    def process(self, samples: NDArray[Any]) -> None:
        """Process the next mono samples, shape (n,)."""
        for first in range(0, len(samples), self._at_once):
            if self.open:  # it stays open
                return
            self._n_loud += int(np.count_nonzero(self._loud.process(samples[first : first + self._at_once])))

    @property
    def open(self) -> bool:
        """Whether enough of the samples so far were loud."""
        return enough(self._n_loud)


def powers(blocks: NDArray[Any]) -> NDArray[Any]:
    """Return the power of each block, (n_blocks, length) to (n_blocks,), without its mean, which is inaudible."""
    sound = blocks - np.add.reduce(blocks, axis=1, keepdims=True) / blocks.shape[1]
    return np.asarray(np.einsum("ij,ij->i", sound, sound) / blocks.shape[1])
