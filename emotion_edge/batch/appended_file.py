"""A file that only grows, by whole rows: what a full disk or a killed process cut short is taken off again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ..errors import ResultsError

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
_SYNC_S: Final = 1.0  # what a power cut may cost; what was written survives the death of the process anyway


class AppendedFile:
    """Open for appending; where the system has locks, for nobody else meanwhile.

    Args:
        path: of the file; there must be none, unless `resume`, which goes on with one.
        resume: whether to.

    Raises:
        ResultsError: it is there, cannot be written, or is just being written by another process.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path: Final = path
        with self._told():
            try:
                descriptor = os.open(path, _FLAGS | (0 if resume else os.O_EXCL), 0o666)
            except FileExistsError as error:
                raise ResultsError(
                    f"{path} exists already: --resume goes on with it; or choose another name, or remove it"
                ) from error
        self._file: Final = open(descriptor, "r+b", buffering=0)  # noqa: SIM115, it lives as long as we do
        self._synced_at = time.monotonic()  # a clock that is set back is no matter
        self._end = 0
        try:
            _lock(descriptor, path)
        except ResultsError:
            self.close()
            raise

    def keep(self, end: int) -> None:
        """Take off what lies behind the first `end` bytes, and go on from there."""
        with self._told():
            self._cut(end)
            os.fsync(self._file.fileno())
        self._end = end

    def append(self, rows: bytes) -> None:
        """Write some whole rows, or none of them.

        Raises:
            ResultsError: the disk is full, say.
        """
        with self._told():
            try:
                n_written = 0
                while n_written < len(rows):
                    n_written += self._file.write(rows[n_written:]) or 0
            except OSError:
                with suppress(OSError):
                    self._cut(self._end)
                raise
            self._end += len(rows)
            if time.monotonic() - self._synced_at >= _SYNC_S:
                self.sync()

    def sync(self) -> None:
        """See to it that a power cut takes nothing."""
        with self._told():
            os.fsync(self._file.fileno())
        self._synced_at = time.monotonic()

    def _cut(self, end: int) -> None:
        self._file.truncate(end)
        self._file.seek(end)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ResultsError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def _lock(descriptor: int, path: Path) -> None:
    """Two processes that write into one file would do everything twice."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ResultsError(f"{path} is being written by another process: wait for it, or stop it") from error
    except OSError:  # a file system without locks
        pass
