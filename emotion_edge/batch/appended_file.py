"""A file that only grows, by whole rows. Rows that a full disk or a killed process cut short are removed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ..errors import ResultsError

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
_SYNC_S: Final = 1.0  # a power cut may cost the rows of this time; the death of the process costs none


class AppendedFile:
    """A file that is open for appending. It is locked for other processes if the system has locks.

    Args:
        path: the path of the file.
        resume: True opens an existing file or creates a new one, False only creates a new one.

    Raises:
        ResultsError: the file exists and `resume` is False, it cannot be written, or another process is writing it.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path: Final = path
        with self._write_errors():
            try:
                descriptor = os.open(path, _FLAGS | (0 if resume else os.O_EXCL), 0o666)
            except FileExistsError as error:
                raise ResultsError(
                    f"{path} already exists: continue it with --resume, choose another name, or remove it"
                ) from error
        self._file: Final = open(descriptor, "r+b", buffering=0)  # noqa: SIM115, `close` closes it
        self._synced_at = time.monotonic()  # this clock is never set back
        self._end = 0
        try:
            _lock(descriptor, path)
        except ResultsError:
            self.close()
            raise

    def truncate(self, end: int) -> None:
        """Remove everything after the first `end` bytes and continue from there.

        Raises:
            ResultsError: the file cannot be written.
        """
        with self._write_errors():
            self._cut(end)
            os.fsync(self._file.fileno())
        self._end = end

    def append(self, rows: bytes) -> None:
        """Write all of the rows, or none of them.

        Raises:
            ResultsError: the file cannot be written, for example because the disk is full.
        """
        with self._write_errors():
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
        """Write everything to the disk, so that a power cut loses nothing.

        Raises:
            ResultsError: the file cannot be written.
        """
        with self._write_errors():
            os.fsync(self._file.fileno())
        self._synced_at = time.monotonic()

    def _cut(self, end: int) -> None:
        self._file.truncate(end)
        self._file.seek(end)

    @contextmanager
    def _write_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ResultsError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file and release the lock."""
        self._file.close()


def _lock(descriptor: int, path: Path) -> None:
    """Lock the file: two processes that write to it would do all the work twice."""
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
