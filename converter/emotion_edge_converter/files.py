"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emotion_edge import EmotionEdgeError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside a path, of the same suffix; takes its place when the block ends well, else goes away.

    Raises:
        EmotionEdgeError: it cannot be written there.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise EmotionEdgeError(f"cannot write {path}: {error.strerror}") from None
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, or none.

    Raises:
        EmotionEdgeError: it cannot be written there.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, or none.

    Raises:
        EmotionEdgeError: it cannot be written there.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
