"""Writes files completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emotion_edge import EmotionEdgeError
from emotion_edge.files import replacing as replacing_or_os_error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`, with the same suffix.

    The temporary file replaces `path` if the block succeeds. Otherwise it is deleted.

    Raises:
        EmotionEdgeError: the file cannot be written.
    """
    try:
        with replacing_or_os_error(path) as temporary:
            yield temporary
    except OSError as error:
        raise EmotionEdgeError(f"{path} cannot be written: {error.strerror or error}") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file, completely or not at all.

    Raises:
        EmotionEdgeError: the file cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, completely or not at all.

    Raises:
        EmotionEdgeError: the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)
