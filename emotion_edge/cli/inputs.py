"""The files that a command line names: as names, patterns, folders, or lists of names. They are found lazily."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from glob import has_magic, iglob
from pathlib import Path, PurePath
from typing import IO, Any, Final

from ..errors import AudioError

STDIN: Final = "-"

# Common formats that libsndfile reads. The suffix matters only in folders, not for a file that is named.
_SUFFIXES: Final = frozenset(
    ".aif .aifc .aiff .au .caf .flac .mp3 .oga .ogg .opus .rf64 .snd .w64 .wav .wave".split()  # noqa: SIM905
)
_READ_AT_ONCE: Final = 1 << 16


def add_inputs(parser: Any) -> None:
    """Add FILE, --recursive, --files-from and --null."""
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="an audio file (WAV, FLAC, OGG, MP3, AIFF, ...; any sample rate and number of channels), a pattern in "
        "quotes, a folder with --recursive, or - for sound from standard input",
    )
    parser.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help="find all audio files in a folder and its subfolders, except hidden ones and links to folders",
    )
    parser.add_argument(
        "--files-from", metavar="FILE|-", help="read names from a file, one per line, or from standard input"
    )
    parser.add_argument(
        "-0",
        "--null",
        action="store_true",
        help="names from --files-from end with a NUL byte, as from find -print0",
    )


class Inputs:
    """The paths that a command line names; each iteration searches again.

    A folder that cannot be read is yielded like a file, so that opening it reports the reason.

    Args:
        options: the parsed options of `add_inputs`.

    Attributes:
        left_out: how many files in folders the latest iteration left out, by suffix.
        skipped_folder: whether the latest iteration met a folder without --recursive.

    Raises:
        AudioError: the list cannot be read.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options: Final = options
        self.left_out: Final[Counter[str]] = Counter()
        self.skipped_folder = False
        if options.files_from is not None:
            with self._list():
                pass

    @property
    def repeatable(self) -> bool:
        """Whether a second iteration finds the same paths: a list from a pipe can be read only once."""
        listed = self._options.files_from
        return listed is None or (listed != STDIN and Path(listed).is_file())

    def __iter__(self) -> Iterator[str]:
        self.left_out.clear()
        self.skipped_folder = False
        for name in self._options.files:
            yield from self._of_pattern(name)
        if self._options.files_from is not None:
            with self._list() as file:
                for name in _names(file, b"\0" if self._options.null else b"\n"):
                    yield from self._of_name(name)

    def _list(self) -> Any:
        name = self._options.files_from
        if name == STDIN:
            return nullcontext(sys.stdin.buffer)
        try:
            return open(name, "rb")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise AudioError(f"the list of files {name} cannot be read: {reason}") from error

    def _of_pattern(self, name: str) -> Iterator[str]:
        # iglob keeps the spelling of names; Path.glob would not
        found = sorted(iglob(name)) if has_magic(name) and not os.path.lexists(name) else []  # noqa: PTH207
        for each in found or [name]:
            yield from self._of_name(each)

    def _of_name(self, name: str) -> Iterator[str]:
        is_folder = Path(name).is_dir()
        if is_folder and self._options.recursive:
            yield from self._in_folder(name)
        else:
            self.skipped_folder |= is_folder
            yield name

    def _in_folder(self, folder: str) -> Iterator[str]:
        waiting = [folder]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    shown = sorted(
                        (each for each in entries if not each.name.startswith(".")), key=lambda each: each.name
                    )
            except OSError:
                yield folder
                continue
            folders = [each for each in shown if each.is_dir(follow_symlinks=False)]
            waiting += [each.path for each in reversed(folders)]
            for each in shown:
                if _is_file(each):
                    yield from self._wanted(each)

    def _wanted(self, entry: os.DirEntry[str]) -> Iterator[str]:
        suffix = PurePath(entry.name).suffix.lower()
        if suffix in _SUFFIXES:
            yield entry.path
        else:
            self.left_out[suffix] += 1


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether to open it. A broken link counts, so that it is reported; a pipe or device does not: it may never end."""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:  # links in a circle
        return True


def _names(file: IO[bytes], end: bytes) -> Iterator[str]:
    """Read names that end with `end`, which the last may lack. Line ends may be those of Windows."""
    rest = b""
    while data := file.read1(_READ_AT_ONCE):  # type: ignore[attr-defined]  # whatever has arrived, without waiting for more
        *names, rest = (rest + data).split(end)
        yield from _decoded(names, end)
    yield from _decoded([rest], end)


def _decoded(names: list[bytes], end: bytes) -> Iterator[str]:
    for name in names:
        text = os.fsdecode(name.removesuffix(b"\r") if end == b"\n" else name)
        if text:
            yield text
