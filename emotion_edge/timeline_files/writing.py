"""Write a timeline to a file. The suffix chooses the format: .png is a picture, .html is a page, and so on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from ..errors import ResultsError
from ..files import replacing

if TYPE_CHECKING:  # every command line imports the suffixes, so this module must import quickly
    from .recording import Recording

SUFFIXES: Final = (".png", ".svg", ".pdf", ".html", ".json", ".csv", ".vtt", ".txt")

Writer: TypeAlias = "Callable[[Recording, Path], None]"


def write(recording: Recording, path: Path) -> None:
    """Read a recording and write its timeline. An existing file is replaced only once the new one is complete.

    Raises:
        AudioError: the recording cannot be read.
        ResultsError: the file cannot be written, or needs a package that is not installed. This is raised before the
            recording is read.
    """
    writer = _writer(path.suffix.lower())
    try:
        with replacing(path) as temporary:
            writer(recording, temporary)
    except OSError as error:
        raise ResultsError(f"{path} cannot be written: {error.strerror or error}") from error


def _writer(suffix: str) -> Writer:
    """The function that writes files of this suffix; only what it needs is imported."""
    if suffix in (".png", ".svg", ".pdf"):
        from .picture import picture_writer

        return picture_writer(suffix.removeprefix("."))
    if suffix == ".html":
        from .page import write_page

        return write_page
    if suffix in (".json", ".csv"):
        from . import tables

        return tables.write_json if suffix == ".json" else tables.write_csv
    if suffix in (".vtt", ".txt"):
        from . import captions

        return captions.write_vtt if suffix == ".vtt" else captions.write_labels
    raise ResultsError(f"got {suffix or 'a name without a suffix'}, wanted one of {', '.join(SUFFIXES)}")
