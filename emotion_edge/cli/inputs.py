"""Which files a command line means: names, patterns, folders, and lists of names. Found as they are needed, not before."""

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

# What libsndfile reads and people have. Where a file is named, its suffix does not matter.
_SUFFIXES: Final = frozenset(
    ".aif .aifc .aiff .au .caf .flac .mp3 .oga .ogg .opus .rf64 .snd .w64 .wav .wave".split()  # noqa: SIM905
)
_READ_AT_ONCE: Final = 1 << 16


def add_inputs(parser: Any) -> None:
    """FILE, --recursive, --files-from and --null."""
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="WAV, FLAC, OGG, MP3, AIFF, ...; any rate and channels. A pattern in quotes, a folder with --recursive, "
        "or - for sound from standard input",
    )
    parser.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help="of a folder take all sound in it and in its folders; hidden ones, and links to folders, are left out",
    )
    parser.add_argument(
        "--files-from", metavar="FILE|-", help="take names from a file, one a line, or from standard input"
    )
    parser.add_argument("-0", "--null", action="store_true", help="they end with a NUL byte, as of find -print0")


class Inputs:
    """The paths that a command line means; each iteration looks anew.

    A folder that cannot be read is a path too: whoever opens it learns why.

    Args:
        options: with what `add_inputs` adds.

    Attributes:
        left_out: how many files in folders were left out in the latest iteration, by suffix.
        passed_by: whether a folder was named in it that nobody asked to go into.

    Raises:
        AudioError: the list cannot be read.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options: Final = options
        self.left_out: Final[Counter[str]] = Counter()
        self.passed_by = False
        if options.files_from is not None:
            with self._list():
                pass

    @property
    def repeatable(self) -> bool:
        """Whether a second look would find the same: what came through a pipe is gone."""
        listed = self._options.files_from
        return listed is None or (listed != STDIN and Path(listed).is_file())

    def __iter__(self) -> Iterator[str]:
        self.left_out.clear()
        self.passed_by = False
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
        found = sorted(iglob(name)) if has_magic(name) and not os.path.lexists(name) else []  # noqa: PTH207, it would respell them
        for each in found or [name]:
            yield from self._of_name(each)

    def _of_name(self, name: str) -> Iterator[str]:
        is_folder = Path(name).is_dir()
        if is_folder and self._options.recursive:
            yield from self._in_folder(name)
        else:
            self.passed_by |= is_folder
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
    """A link that leads nowhere counts, so that it is told; a pipe or a device is no recording, and may never end."""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:  # links in a circle
        return True


def _names(file: IO[bytes], end: bytes) -> Iterator[str]:
    """Names, each with its end; the last may lack it. Line ends may be those of Windows."""
    rest = b""
    while data := file.read1(_READ_AT_ONCE):  # type: ignore[attr-defined]  # what there is, without waiting for more
        *names, rest = (rest + data).split(end)
        yield from _decoded(names, end)
    yield from _decoded([rest], end)


def _decoded(names: list[bytes], end: bytes) -> Iterator[str]:
    for name in names:
        text = os.fsdecode(name.removesuffix(b"\r") if end == b"\n" else name)
        if text:
            yield text
