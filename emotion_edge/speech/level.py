"""Is it loud enough to be anybody?"""

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
    """Which blocks of 20 ms of a stream are louder than -60 dBFS. They do not depend on how it is cut into pieces.

    Attributes:
        block_s: their length, in whole samples.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._blocks: Final = Blocks(round(_BLOCK_S * sample_rate_hz))
        self.block_s: Final = self._blocks.length / sample_rate_hz

    def process(self, samples: NDArray[Any]) -> NDArray[np.bool_]:
        """The blocks that these mono samples, shape (n,), complete; shape (n_blocks,)."""
        return np.asarray(powers(self._blocks.process(samples)) >= 10 ** (LOUD_DBFS / 10))


def enough(n_loud: int) -> bool:
    """Whether so many loud blocks can hold speech."""
    return n_loud * _BLOCK_S >= _SHORTEST_S - 1e-9


class LevelGate:
    """Says whether a clip can hold speech: whether at least 0.1 s of it is louder than -60 dBFS.

    Level is all that it knows: it rejects silence, hum below hearing, a constant offset and clicks, not noise or music.
    The verdict does not depend on how the samples are cut into pieces.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._loud: Final = LoudBlocks(sample_rate_hz)
        self._at_once: Final = round(_AT_ONCE_S * sample_rate_hz)
        self._n_loud = 0

    def process(self, samples: NDArray[Any]) -> None:
        """Listen to some more mono samples, shape (n,)."""
        for first in range(0, len(samples), self._at_once):
            if self.open:  # which nothing changes
                return
            self._n_loud += int(np.count_nonzero(self._loud.process(samples[first : first + self._at_once])))

    @property
    def open(self) -> bool:
        """Whether enough of what was heard so far was loud enough."""
        return enough(self._n_loud)


def powers(blocks: NDArray[Any]) -> NDArray[Any]:
    """Of blocks of samples, (n_blocks, length), without their mean: an offset carries no sound; shape (n_blocks,)."""
    sound = blocks - np.add.reduce(blocks, axis=1, keepdims=True) / blocks.shape[1]
    return np.asarray(np.einsum("ij,ij->i", sound, sound) / blocks.shape[1])
