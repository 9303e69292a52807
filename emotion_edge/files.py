"""Writes files atomically: afterwards a file is either complete or unchanged."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def replacing(path: Path, *, private: bool = False, durable: bool = False) -> Iterator[Path]:
    """Yield the path of an empty temporary file that replaces `path` when the block succeeds and is deleted otherwise.

    The temporary file is in the same folder and has the same suffix. Its name cannot be guessed, so that other users
    who can write into the folder cannot put a link there first. If `path` is a link, the link is replaced, not its
    target.

    Args:
        path: the file to write; an existing file is replaced.
        private: whether only the owner may read the file.
        durable: whether the file must survive a power cut.

    Raises:
        OSError: the file cannot be written there. If this can be known before the block begins, it is raised before.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    # Not tempfile, which would load 5 MB of OpenSSL.
    temporary = path.with_name(f".{path.stem[:100]}.{os.urandom(8).hex()}{path.suffix}")
    try:
        os.close(os.open(temporary, _NEW, 0o600 if private else 0o666))
        yield temporary
        if durable:
            _sync(temporary)
        temporary.replace(path)
    finally:
        with suppress(OSError):  # the medium may have become read-only
            temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
