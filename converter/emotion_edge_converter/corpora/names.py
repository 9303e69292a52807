"""Code that the readers of published corpora share: file names that hold all labels, and duplicate recordings."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from .utterance import SEXES, Utterance

FEMALE, MALE = SEXES

_SUFFIXES: Final = {".wav", ".flac"}
_CONTRADICTION: Final = "kept none, because their names differ in speaker or emotion"

_log = logging.getLogger(__name__)


def recordings(
    folder: Path, pattern: re.Pattern[str], form: str, *, depth: int = 1
) -> Iterator[tuple[Path, re.Match[str]]]:
    """The WAV and FLAC files below a folder with a matching name, in the order of their paths, each name once.

    Copies of a corpus differ in their folders, and some contain every file twice, so only names are read. A warning
    names every file whose name does not match or occurred before.

    Args:
        folder: where to look.
        pattern: matches a name without its suffix. Two files whose groups are equal, ignoring case, count as the same
            recording.
        form: a readable form of the pattern, for messages.
        depth: number of parts of the path that the pattern matches: 1 for the name, 2 with its folder and a slash
            before it.
    """
    found: dict[tuple[str, ...], Path] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in _SUFFIXES or not file.is_file():
            continue
        match = pattern.fullmatch("/".join(file.with_suffix("").parts[-depth:]))
        if match is None:
            _log.warning("%s is not named %s: skipped", file, form)
            continue
        kept = found.setdefault(tuple(group.lower() for group in match.groups()), file)
        if kept is not file:
            _log.warning("%s is a copy of %s: skipped", file, kept)
            continue
        yield file, match


def distinct(utterances: Iterable[Utterance]) -> list[Utterance]:
    """The utterances without bit-identical files: the first is kept, or none if speaker or emotion differ.

    Only files of equal size are opened. A warning names the files that are dropped.
    """
    utterances = list(utterances)
    dropped: set[Path] = set()
    for first, *others in _identical(utterances):
        alike = all((other.speaker, other.emotion) == (first.speaker, first.emotion) for other in others)
        copies = ", ".join(str(other.file) for other in others)
        _log.warning("%s is bit-identical to %s: %s", first.file, copies, "kept one" if alike else _CONTRADICTION)
        dropped.update(utterance.file for utterance in (others if alike else [first, *others]))
    return [utterance for utterance in utterances if utterance.file not in dropped]


def _identical(utterances: Iterable[Utterance]) -> Iterator[list[Utterance]]:
    """Groups of two or more utterances whose files are bit-identical."""
    sizes: dict[int, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        sizes[utterance.file.stat().st_size].append(utterance)
    for same_size in sizes.values():
        if len(same_size) < 2:
            continue
        contents: dict[bytes, list[Utterance]] = defaultdict(list)
        for utterance in same_size:
            contents[hashlib.sha256(utterance.file.read_bytes()).digest()].append(utterance)
        yield from (group for group in contents.values() if len(group) > 1)
