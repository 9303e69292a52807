"""Files that are whole or not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emotion_edge import EmotionEdgeError
from emotion_edge.files import replacing as replacing_or_os_error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside a path, of the same suffix; takes its place when the block ends well, else goes away.

    Raises:
        EmotionEdgeError: it cannot be written there.
    """
    try:
        with replacing_or_os_error(path) as temporary:
            yield temporary
    except OSError as error:
        raise EmotionEdgeError(f"{path} cannot be written: {error.strerror or error}") from error


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, or none.

    Raises:
        EmotionEdgeError: it cannot be written there.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, or none.

    Raises:
        EmotionEdgeError: it cannot be written there.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)
