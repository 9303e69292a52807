"""A queue that passes events from the thread that makes them to the thread that uses them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Final

from .events import Event

_log = logging.getLogger(__name__)

_CHECK_STOP_S: Final = 0.2


class EventQueue:
    """A bounded queue of events.

    Args:
        size: the largest number of events in it.
        lossy: what `put` does when the queue is full: True drops the oldest event, False waits for room.
        stop: once this is set, `put` stops waiting.
    """

    def __init__(self, size: int, *, lossy: bool, stop: threading.Event) -> None:
        self._size: Final = size
        self._lossy: Final = lossy
        self._stop: Final = stop
        self._events: deque[Event] = deque()
        self._changed: Final = threading.Condition()
        self._closed = False
        self._n_lost = 0

    @property
    def drained(self) -> bool:
        """Whether the queue is closed and empty."""
        with self._changed:
            return self._closed and not self._events

    def put(self, event: Event) -> None:
        """Add an event."""
        with self._changed:
            while not self._lossy and len(self._events) >= self._size and not self._stop.is_set():
                self._changed.wait(_CHECK_STOP_S)
            if len(self._events) >= self._size:
                self._events.popleft()
                self._n_lost += 1
                if self._n_lost == 1 or self._n_lost % self._size == 0:
                    _log.warning("events are not read fast enough: %d lost so far, the oldest first", self._n_lost)
            self._events.append(event)
            self._changed.notify_all()

    def get(self, timeout_s: float | None = None) -> Event | None:
        """Return the next event, or None after `timeout_s` seconds without one, or if the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._closed, timeout_s)
            event = self._events.popleft() if self._events else None
            self._changed.notify_all()
            return event

    def close(self) -> None:
        """Close the queue for new events. Events that are in it can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
