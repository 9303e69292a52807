"""The live view of `emotion-edge listen`: a few lines on a terminal, redrawn in place."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
from collections import deque
from typing import Final

from ..live.events import Event
from ..live.listener import Listener
from ..live.stream import StreamStatus
from .terminal import BOLD, DIM, PLAIN, shows

_QUIETEST_DBFS: Final = -70.0
_HISTORY: Final = 4
_WIDEST: Final = 76
_HIDE_CURSOR, _SHOW_CURSOR, _CLEAR_BELOW = "\x1b[?25l", "\x1b[?25h", "\x1b[J"
_NO_WRAP, _WRAP, _CLEAR_ALL = "\x1b[?7l", "\x1b[?7h", "\x1b[H\x1b[2J"


class LiveView:
    """Shows the state of a listener. Call it with each event, or with None, to redraw; log lines appear above it.

    Args:
        listener: a listener that was started.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener: Final = listener
        self._history: Final[deque[str]] = deque(maxlen=_HISTORY)
        self._n_drawn = self._columns = 0
        self._drawing: Final = threading.RLock()  # log lines come from other threads
        self._full, self._empty, self._mark = "█░▸" if shows("█░▸") else "#.>"
        self._handler: Final = _AboveTheView(self)
        self._other_handlers: list[logging.Handler] = []

    def __enter__(self) -> LiveView:
        root = logging.getLogger()
        self._other_handlers, root.handlers = root.handlers, [self._handler]
        if self._other_handlers:
            self._handler.setFormatter(self._other_handlers[0].formatter)
        sys.stdout.write(_HIDE_CURSOR + _NO_WRAP)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().handlers = self._other_handlers
        sys.stdout.write(_SHOW_CURSOR + _WRAP)
        sys.stdout.flush()

    def __call__(self, event: Event | None) -> None:
        """Draw the view, and add an event that ended to the history."""
        if event is not None and event.kind == "leave":
            name = event.label or "uncertain"
            length_s = event.end_s - event.start_s
            self._history.append(f"{_clock(event.start_s)}  {name} {event.confidence:.2f}  {length_s:.1f} s")
        self._draw()

    def print(self, text: str) -> None:
        """Print a line above the view, where it stays."""
        with self._drawing:
            self._erase()
            sys.stdout.write(text + "\n")
            self._draw()

    def _draw(self) -> None:
        status = self._listener.status
        if status is None:
            return
        columns = shutil.get_terminal_size().columns
        lines = self._lines(status, min(_WIDEST, columns - 1))
        with self._drawing:
            if columns != self._columns:  # the terminal wrapped the old lines again, into an unknown number
                sys.stdout.write(_CLEAR_ALL if self._n_drawn else "")
                self._n_drawn, self._columns = 0, columns
            self._erase()
            sys.stdout.write("\n".join(lines) + "\n")
            sys.stdout.flush()
            self._n_drawn = len(lines)

    def _erase(self) -> None:
        if self._n_drawn:
            sys.stdout.write(f"\x1b[{self._n_drawn}A\r{_CLEAR_BELOW}")
            self._n_drawn = 0

    def _lines(self, status: StreamStatus, width: int) -> list[str]:
        labels = self._listener.classifier.recipe.labels
        column = max(len(label) for label in ("level", *labels)) + 2
        n_cells = max(2, width - column - 12)
        verdict = "no microphone" if self._listener.source.away else _verdict(status)
        head = f"{verdict:<{max(0, width - 9)}}{_clock(status.heard_s):>8}"
        lines = [f"{BOLD}{head[:width]}{PLAIN}"]
        loudness = 1 - max(_QUIETEST_DBFS, min(0.0, status.level_dbfs)) / _QUIETEST_DBFS
        lines.append(f"  {'level':{column}}{self._bar(loudness, n_cells)} {status.level_dbfs:4.0f} dB")
        for label in labels:
            value = status.probabilities.get(label)
            mark = self._mark if label == status.verdict else " "
            figure = "" if value is None else f" {value:4.2f}"
            lines.append(f"{mark} {label:{column}}{self._bar(value or 0.0, n_cells)}{figure}")
        lines += [f"{DIM}  {entry}{PLAIN}"[: width + len(DIM + PLAIN)] for entry in self._history]
        lost_s = self._listener.source.lost_s
        if lost_s:
            lines.append(f"  too slow: {lost_s:.1f} s of sound lost"[:width])
        lines.append(f"{DIM}{f'  Ctrl-C to stop; {self._listener.source.name}'[:width]}{PLAIN}")
        return lines

    def _bar(self, share: float, n_cells: int) -> str:
        n_full = round(max(0.0, min(1.0, share)) * n_cells)
        return self._full * n_full + self._empty * (n_cells - n_full)


class _AboveTheView(logging.Handler):
    def __init__(self, view: LiveView) -> None:
        super().__init__()
        self._view = view

    def emit(self, record: logging.LogRecord) -> None:
        self._view.print(self.format(record))


def _verdict(status: StreamStatus) -> str:
    if status.verdict is not None:
        return status.verdict
    if not status.sound:
        return "quiet"
    return "listening" if status.probabilities or status.speech is None else "no speech"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
