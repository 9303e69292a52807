"""Labelled recordings as tables. One module a corpus; READERS names them."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TextIO

from ..errors import CorpusError
from . import ased, emodb, folders, nemo, ravdess, table, tess
from .utterance import Utterance as Utterance

EMOTIONS: Final = ("angry", "fear", "happy", "neutral", "sad")
"""The five emotions of the study, in the order of the models' outputs."""

READERS: Final[dict[str, Callable[[Path], list[Utterance]]]] = {
    tess.NAME: tess.read,
    ravdess.NAME: ravdess.read,
    emodb.NAME: emodb.read,
    nemo.NAME: nemo.read,
    ased.NAME: ased.read,
    folders.NAME: folders.read,
    "csv": table.read,
}
"""Corpus name to the function that reads it from its folder, or for `csv` from its file."""

_PUBLISHED: Final = {tess.NAME, ravdess.NAME, emodb.NAME, nemo.NAME, ased.NAME}

_log = logging.getLogger(__name__)


def read(specifications: Sequence[str]) -> list[Utterance]:
    """The utterances of some corpora, each given as `NAME=PATH`, sorted so that no folder layout changes a split.

    Raises:
        CorpusError: not of that form, no such reader, no such path, or no recording in it.
    """
    utterances: list[Utterance] = []
    for specification in specifications:
        name, path = reader_and_path(specification)
        if not Path(path).exists():
            raise CorpusError(f"{name}: no such folder or file: {path}")
        found = READERS[name](Path(path))
        if not found:
            raise CorpusError(f"{name}: {path} holds no recording of this corpus")
        utterances += found
    return sorted(_each_once(utterances), key=lambda u: (u.corpus, u.speaker, u.word, u.emotion, u.file.name))


def reader_and_path(specification: str) -> tuple[str, str]:
    """The parts of `NAME=PATH`.

    Raises:
        CorpusError: not of that form, or no such reader.
    """
    name, separator, path = specification.partition("=")
    if not separator or not path:
        raise CorpusError(f"--corpus: got {specification!r}, wanted NAME=PATH, for example tess=recordings/tess")
    if name not in READERS:
        raise CorpusError(f"no corpus {name!r}: known are {', '.join(READERS)}")
    return name, path


def _each_once(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Without files that two corpora share: one that trains must not test."""
    found: dict[Path, Utterance] = {}
    for utterance in utterances:
        kept = found.setdefault(utterance.file.resolve(), utterance)
        if kept is not utterance:
            _log.warning("%s is given twice: taken once, as %s", utterance.file, kept.emotion)
    return list(found.values())


def with_emotions(
    utterances: Sequence[Utterance], emotions: Sequence[str] | None
) -> tuple[list[Utterance], tuple[str, ...]]:
    """The utterances that carry one of some emotions, and those emotions.

    Args:
        utterances: of any emotions.
        emotions: which to keep. None: of published corpora the five of the study, of people's own recordings all.

    Raises:
        CorpusError: fewer than two of them occur, or one that was asked for does not.
    """
    present = {utterance.emotion for utterance in utterances}
    if emotions is None:
        emotions = sorted({u.emotion for u in utterances if u.corpus not in _PUBLISHED or u.emotion in EMOTIONS})
    missing = [emotion for emotion in emotions if emotion not in present]
    if missing:
        raise CorpusError(f"no recording of {', '.join(missing)}: the corpora hold {', '.join(sorted(present))}")
    if len(emotions) < 2:
        raise CorpusError(
            f"one class only ({', '.join(emotions) or 'none'}) of {', '.join(sorted(present))}: a classifier needs two or more, "
            "see --emotions"
        )
    return [utterance for utterance in utterances if utterance.emotion in emotions], tuple(emotions)


def write(utterances: Iterable[Utterance], file: TextIO) -> None:
    """The table as CSV with the columns of `Utterance`."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.COLUMNS)
    for utterance in utterances:
        writer.writerow([getattr(utterance, column) for column in table.COLUMNS])
