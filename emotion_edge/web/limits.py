"""What one request may cost, and how many there may be at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

from numpy.typing import NDArray
from starlette.exceptions import HTTPException

Array = NDArray[Any]

_RETRY_AFTER_S: Final = 1


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request may cost.

    Attributes:
        upload_bytes: of a body.
        sound_s: seconds of sound in a file.
        timeout_s: for a body to arrive, then for its answer, and between two messages of a live stream.
        at_once: requests with a body, and as many live streams.
    """

    upload_bytes: int = 32 << 20
    sound_s: float = 600.0
    timeout_s: float = 60.0
    at_once: int = 4


class Slots:
    """So many at a time; who comes later is told to come back, for a queue would only hold more memory.

    Args:
        size: how many.
        what: what they are, for the message.
    """

    def __init__(self, size: int, what: str) -> None:
        self._size: Final = size
        self._what: Final = what
        self.n_taken = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold one of them. Only for the event loop's thread.

        Raises:
            HTTPException: 503, there is none.
        """
        if self.n_taken >= self._size:
            raise HTTPException(
                503,
                f"busy: no more than {self._size} {self._what} at a time, try again",
                headers={"Retry-After": str(_RETRY_AFTER_S)},
            )
        self.n_taken += 1
        try:
            yield
        finally:
            self.n_taken -= 1


class Deadline:
    """When the work on a request ends, finished or not: its time is over, or the server stops.

    Args:
        seconds: from now.
        stopping: set when the server stops.
    """

    def __init__(self, seconds: float, stopping: Event) -> None:
        self._seconds: Final = seconds
        self._until: Final = time.monotonic() + seconds
        self._stopping: Final = stopping

    def check(self) -> None:
        """Raise an HTTPException, 503, if it has come."""
        if self._stopping.is_set():
            raise HTTPException(503, "the server is stopping", headers={"Retry-After": "10"})
        if time.monotonic() > self._until:
            raise HTTPException(
                503,
                f"no answer within {self._seconds:g} s: send a shorter recording",
                headers={"Retry-After": str(_RETRY_AFTER_S)},
            )


def within(blocks: Iterable[Array], sample_rate_hz: int, most_s: float, deadline: Deadline) -> Iterator[Array]:
    """Blocks of sound, each of shape (n,), as long as they may be worked on.

    What a header says of the length may be wrong, and a small file may hold hours of silence: so samples are counted.

    Raises:
        HTTPException: 413, there is more than `most_s` of it; 503, the deadline has come.
    """
    n_heard = 0
    for block in blocks:
        deadline.check()
        n_heard += len(block)
        if n_heard > most_s * sample_rate_hz:
            raise HTTPException(413, f"the recording is longer than {most_s:g} s, which is as long as one may be")
        yield block
