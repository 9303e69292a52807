"""Limits for a single request, and for the number of requests at the same time."""

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
    """Limits for requests.

    Attributes:
        upload_bytes: the largest body.
        sound_s: the longest recording in seconds.
        timeout_s: seconds for a body to arrive, then for its answer, and between two messages of a live stream.
        at_once: the number of requests with a body at the same time, and of live streams.
    """

    upload_bytes: int = 32 << 20
    sound_s: float = 600.0
    timeout_s: float = 60.0
    at_once: int = 4


class Slots:
    """A limited number of slots. A request that finds none is refused with 503: a queue would only need more memory.

    Args:
        size: the number of slots.
        what: what the slots are for, for the message.

    Attributes:
        n_taken: the number of slots in use.
    """

    def __init__(self, size: int, what: str) -> None:
        self._size: Final = size
        self._what: Final = what
        self.n_taken = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Use a slot inside the `with` block. Call this only in the thread of the event loop.

        Raises:
            HTTPException: 503, no slot is free.
        """
        if self.n_taken >= self._size:
            raise HTTPException(
                503,
                f"busy: this server accepts at most {self._size} {self._what} at a time, try again later",
                headers={"Retry-After": str(_RETRY_AFTER_S)},
            )
        self.n_taken += 1
        try:
            yield
        finally:
            self.n_taken -= 1


class Deadline:
    """The end of the time for a request. It also ends when the server stops.

    Args:
        seconds: the time from now.
        stopping: set when the server stops.
    """

    def __init__(self, seconds: float, stopping: Event) -> None:
        self._seconds: Final = seconds
        self._until: Final = time.monotonic() + seconds
        self._stopping: Final = stopping

    def check(self) -> None:
        """Raise an HTTPException, 503, if the deadline has passed."""
        if self._stopping.is_set():
            raise HTTPException(503, "the server is stopping", headers={"Retry-After": "10"})
        if time.monotonic() > self._until:
            raise HTTPException(
                503,
                f"no answer within {self._seconds:g} s: send a shorter recording",
                headers={"Retry-After": str(_RETRY_AFTER_S)},
            )


def within(blocks: Iterable[Array], sample_rate_hz: int, most_s: float, deadline: Deadline) -> Iterator[Array]:
    """Yield blocks of samples, each of shape (n,), until a limit is reached.

    The length in a header may be wrong, and a small file may contain hours of silence. So this counts samples.

    Raises:
        HTTPException: 413, the sound is longer than `most_s`; 503, the deadline has passed.
    """
    n_samples = 0
    for block in blocks:
        deadline.check()
        n_samples += len(block)
        if n_samples > most_s * sample_rate_hz:
            raise HTTPException(413, f"the recording is too long: the limit is {most_s:g} s")
        yield block
