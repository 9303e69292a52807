"""Finds utterances in a stream and splits them into windows that are classified.

An utterance is sound above the background, from one pause to the next. Its bounds are found by level alone, with a
resolution of 20 ms and almost no CPU time. Whether it is speech is decided later by the speech gate (`stream`).
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
_BLOCKS_PER_LEVEL: Final = 5  # the background is measured over 0.1 s: a single block of noise may be quiet by chance
_BACKGROUND_S: Final = 5.0  # nobody speaks for this long without a gap between two words
_ONSET_BLOCKS: Final = 3  # a click is shorter
_MARGIN_S: Final = 0.1  # unvoiced sounds before and after the loud ones
_QUIETEST_DBFS: Final = -120.0


class Window(NamedTuple):
    """A window of an utterance. Times are in seconds from the start of the stream.

    Attributes:
        utterance_start_s: the start of the utterance.
        start_s: the start of the window: the start of the utterance, or one window length before `end_s`.
        end_s: the end of the window: the current time, or the end of the sound.
        over: whether the utterance is over, so that this is its last window.
    """

    utterance_start_s: float
    start_s: float
    end_s: float
    over: bool


class Utterances:
    """Splits a stream into utterances, and each utterance into windows.

    The windows do not depend on how the samples are split into blocks.

    Args:
        sample_rate_hz: the sample rate of the stream.
        windows: the length and the step. Windows grow with the utterance up to this length, and then slide.
        pause_s: the length of the pause that ends an utterance, in seconds.
        above_background_db: how much louder than the background of the last 5 s an utterance must be.
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
        self._start_s: float | None = None  # the start of the current utterance
        self._due_s = 0.0  # the end of its next window
        self._last_end_s = 0.0  # the end of its last window
        self.level_dbfs = _QUIETEST_DBFS

    @property
    def speaking(self) -> bool:
        """Whether an utterance is in progress."""
        return self._start_s is not None

    def process(self, samples: Array) -> list[Window]:
        """Process mono samples, shape (n,), and return the windows that end within them."""
        return [
            window for power in powers(self._blocks.process(samples)).tolist() for window in self._next_block(power)
        ]

    def flush(self) -> list[Window]:
        """Return the last window of an utterance that is cut off by the end of the stream."""
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
            if end_s > self._last_end_s:
                self._last_end_s = end_s
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
        if len(self._powers) == _BLOCKS_PER_LEVEL:
            self.level_dbfs = _decibel(sum(self._powers) / _BLOCKS_PER_LEVEL)
            self._background.append(self.level_dbfs)
            self._powers.clear()


def _decibel(power: float) -> float:
    return float(10 * np.log10(max(power, 10 ** (_QUIETEST_DBFS / 10))))
