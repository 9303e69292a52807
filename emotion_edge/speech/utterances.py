"""When somebody may be speaking, and the windows of that which are worth an answer.

An utterance is sound above the background, from one pause to the next. Level decides its bounds, at a resolution of
20 ms and for next to nothing; whether it is speech at all is for the speech model to say (`stream`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..audio.blocks import Blocks
from .level import LOUD_DBFS, powers
from .windows import Windows

Array = NDArray[Any]

_BLOCK_S: Final = 0.02
_BLOCKS_A_LEVEL: Final = 5  # the background is judged on 0.1 s, a single block of noise may be quiet by chance
_BACKGROUND_S: Final = 5.0  # nobody speaks for so long without a gap between two words
_ONSET_BLOCKS: Final = 3  # a click is shorter
_MARGIN_S: Final = 0.1  # unvoiced sounds before and after the loud ones
_QUIETEST_DBFS: Final = -120.0


class Window(NamedTuple):
    """A stretch of an utterance. Times are in seconds from the start of the stream.

    Attributes:
        utterance_start_s: where the utterance began.
        start_s: where the window begins: there, or the length of a window before its end.
        end_s: where it ends: now, or where the sound ended.
        over: whether the utterance is over; this is its last window then.
    """

    utterance_start_s: float
    start_s: float
    end_s: float
    over: bool


class Utterances:
    """Cuts a stream into utterances, and each of them into windows.

    The windows do not depend on how the samples are cut into pieces.

    Args:
        sample_rate_hz: of the stream.
        windows: how long they are, and how far apart. One grows with its utterance until it is so long, and then slides.
        pause_s: how long it must be quiet for an utterance to be over.
        above_background_db: how much louder than the background of the last 5 s an utterance is.
    """

    def __init__(
        self,
        sample_rate_hz: float,
        *,
        windows: Windows,
        pause_s: float,
        above_background_db: float,
    ) -> None:
        self._window_s, self._step_s, self._pause_s = windows.window_s, windows.step_s, pause_s
        self._above: Final = above_background_db
        self._rate: Final = sample_rate_hz
        self._blocks: Final = Blocks(max(1, round(_BLOCK_S * sample_rate_hz)))
        self._block_s: Final = self._blocks.length / sample_rate_hz
        self._n_blocks = 0
        self._background: deque[float] = deque([LOUD_DBFS - above_background_db], round(_BACKGROUND_S / 0.1))
        self._powers: list[float] = []
        self._n_active = 0  # blocks in a row
        self._last_active_s = 0.0
        self._previous_end_s = 0.0
        self._start_s: float | None = None  # of the utterance that goes on
        self._due_s = 0.0  # when its next window ends
        self._told_s = 0.0  # where its last one ended
        self.level_dbfs = _QUIETEST_DBFS

    @property
    def speaking(self) -> bool:
        """Whether an utterance goes on."""
        return self._start_s is not None

    def process(self, samples: Array) -> list[Window]:
        """The windows that end within these samples, shape (n,), mono."""
        return [
            window for power in powers(self._blocks.process(samples)).tolist() for window in self._next_block(power)
        ]

    def flush(self) -> list[Window]:
        """The last window of an utterance that the end of the stream cuts off."""
        now_s = self._n_blocks * self._block_s + self._blocks.n_pending / self._rate
        return list(self._over(now_s))

    def _next_block(self, power: float) -> Iterator[Window]:
        self._n_blocks += 1
        now_s = self._n_blocks * self._block_s
        level = _decibel(power)
        self._watch_background(power)
        if level >= max(min(self._background) + self._above, LOUD_DBFS):
            self._n_active += 1
            self._last_active_s = now_s
        else:
            self._n_active = 0
        if self._start_s is None:
            if self._n_active >= _ONSET_BLOCKS:
                onset_s = now_s - self._n_active * self._block_s
                self._start_s = max(self._previous_end_s, onset_s - _MARGIN_S)
                self._due_s = self._start_s + self._step_s
        elif now_s - self._last_active_s >= self._pause_s - 1e-9:
            yield from self._over(now_s)
        elif now_s >= self._due_s - 1e-9:
            self._due_s += self._step_s
            end_s = self._end_s(now_s)
            if end_s > self._told_s:
                self._told_s = end_s
                yield self._window(self._start_s, end_s, over=False)

    def _over(self, now_s: float) -> Iterator[Window]:
        if self._start_s is not None:
            self._previous_end_s = self._end_s(now_s)
            yield self._window(self._start_s, self._previous_end_s, over=True)
        self._start_s = None

    def _end_s(self, now_s: float) -> float:
        return min(now_s, self._last_active_s + _MARGIN_S)

    def _window(self, utterance_start_s: float, end_s: float, *, over: bool) -> Window:
        return Window(utterance_start_s, max(utterance_start_s, end_s - self._window_s), end_s, over)

    def _watch_background(self, power: float) -> None:
        self._powers.append(power)
        if len(self._powers) == _BLOCKS_A_LEVEL:
            self.level_dbfs = _decibel(sum(self._powers) / _BLOCKS_A_LEVEL)
            self._background.append(self.level_dbfs)
            self._powers.clear()


def _decibel(power: float) -> float:
    return float(10 * np.log10(max(power, 10 ** (_QUIETEST_DBFS / 10))))
