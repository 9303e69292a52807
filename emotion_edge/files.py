"""Files that are whole, or as they were."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """The path of an empty file that takes the name when the block ends well, and else goes away.

    Raises:
        OSError: it cannot be written there; before the block begins, where that can be known.
    """
    temporary = path.with_name(f".{path.name}.part")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    try:
        temporary.write_bytes(b"")
        yield temporary
        temporary.replace(path)
    finally:
        with suppress(OSError):  # of a medium that became read-only
            temporary.unlink(missing_ok=True)
