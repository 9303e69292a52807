"""Files that are whole, or as they were."""

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
    """The path of an empty file that takes the name when the block ends well, and else goes away.

    It lies beside the path and has its suffix. Its name cannot be guessed, so that nobody who may write into the folder
    can put a link there first; and where the path itself is a link, the link is replaced, not what it points to.

    Args:
        path: of the file that is wanted; what is there is replaced.
        private: whether its owner alone may read it.
        durable: whether it must survive a power cut.

    Raises:
        OSError: it cannot be written there; before the block begins, where that can be known.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    temporary = path.with_name(
        f".{path.stem[:100]}.{os.urandom(8).hex()}{path.suffix}"
    )  # not tempfile: 5 MB of OpenSSL
    try:
        os.close(os.open(temporary, _NEW, 0o600 if private else 0o666))
        yield temporary
        if durable:
            _sync(temporary)
        temporary.replace(path)
    finally:
        with suppress(OSError):  # of a medium that became read-only
            temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
