"""Reads labelled recordings into tables. There is one module for each corpus; READERS lists them."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TextIO

import numpy as np
from numpy.typing import NDArray

from ..errors import CorpusError
from . import ased, cremad, emodb, es_rcebrian, folders, nemo, ravdess, table, tess
from .utterance import Utterance as Utterance

EMOTIONS: Final = ("angry", "fear", "happy", "neutral", "sad")
"""The five emotions of the study, in the order of the models' outputs."""

READERS: Final[dict[str, Callable[[Path], list[Utterance]]]] = {
    tess.NAME: tess.read,
    ravdess.NAME: ravdess.read,
    ravdess.SONG: ravdess.read_song,
    emodb.NAME: emodb.read,
    nemo.NAME: nemo.read,
    ased.NAME: ased.read,
    cremad.NAME: cremad.read,
    es_rcebrian.NAME: es_rcebrian.read,
    folders.NAME: folders.read,
    "csv": table.read,
}
"""Name of a corpus to the function that reads it from its folder, or, for `csv`, from its file."""

_PUBLISHED: Final = {name for name in READERS if name not in (folders.NAME, "csv")}

SAME_SPEAKERS: Final = {ravdess.SONG: ravdess.NAME}
"""Corpora with the same speakers as another one: both are on the same side of every split."""

_log = logging.getLogger(__name__)


def read(specifications: Sequence[str]) -> list[Utterance]:
    """Read corpora, each given as `NAME=PATH`. The result is sorted, so the layout of folders does not change a split.

    Raises:
        CorpusError: a specification has another form, there is no such reader or path, or it holds no recordings.
    """
    utterances: list[Utterance] = []
    for specification in specifications:
        name, path = reader_and_path(specification)
        if not Path(path).exists():
            raise CorpusError(f"{name}: no such folder or file: {path}")
        found = READERS[name](Path(path))
        if not found:
            raise CorpusError(f"{name}: {path} holds no recordings of this corpus")
        utterances += found
    return sorted(_each_once(utterances), key=lambda u: (u.corpus, u.speaker, u.word, u.emotion, u.file.name))


def reader_and_path(specification: str) -> tuple[str, str]:
    """Split `NAME=PATH` into name and path.

    Raises:
        CorpusError: it has another form, or there is no such reader.
    """
    name, separator, path = specification.partition("=")
    if not separator or not path:
        raise CorpusError(f"--corpus: got {specification!r}, wanted NAME=PATH, for example tess=recordings/tess")
    if name not in READERS:
        raise CorpusError(f"no corpus {name!r}: the known ones are {', '.join(READERS)}")
    return name, path


def _each_once(utterances: Iterable[Utterance]) -> list[Utterance]:
    """The utterances without repeated files: a file used for training must not be used for testing."""
    found: dict[Path, Utterance] = {}
    for utterance in utterances:
        kept = found.setdefault(utterance.file.resolve(), utterance)
        if kept is not utterance:
            _log.warning("%s is given twice: used once, as %s", utterance.file, kept.emotion)
    return list(found.values())


def corpus_of_speaker(utterance: Utterance) -> str:
    """The corpus that a recording's speaker counts for: that of their speech, if they also sing in another one."""
    return SAME_SPEAKERS.get(utterance.corpus, utterance.corpus)


def speakers(utterances: Sequence[Utterance]) -> NDArray[np.str_]:
    """The name of the speaker of each recording, shape (n,). It is the same in a corpus of the same people singing."""
    return np.array([f"{corpus_of_speaker(each)}:{each.speaker}" for each in utterances])


def with_emotions(
    utterances: Sequence[Utterance], emotions: Sequence[str] | None
) -> tuple[list[Utterance], tuple[str, ...]]:
    """Keep the utterances with one of the given emotions. Returns them and the emotions.

    Args:
        utterances: with any emotions.
        emotions: which to keep. With None: the five of the study from published corpora, all from your own recordings.

    Raises:
        CorpusError: fewer than two of the emotions occur, or a requested one does not.
    """
    present = {utterance.emotion for utterance in utterances}
    if emotions is None:
        emotions = sorted({u.emotion for u in utterances if u.corpus not in _PUBLISHED or u.emotion in EMOTIONS})
    missing = [emotion for emotion in emotions if emotion not in present]
    if missing:
        raise CorpusError(f"no recordings of {', '.join(missing)}: the corpora hold {', '.join(sorted(present))}")
    if len(emotions) < 2:
        raise CorpusError(
            f"got the labels {', '.join(emotions) or 'none'}, wanted two or more: the corpora hold "
            f"{', '.join(sorted(present))}, see --emotions"
        )
    return [utterance for utterance in utterances if utterance.emotion in emotions], tuple(emotions)


def write(utterances: Iterable[Utterance], file: TextIO) -> None:
    """Write utterances as CSV with the columns of `Utterance`."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.COLUMNS)
    for utterance in utterances:
        writer.writerow([getattr(utterance, column) for column in table.COLUMNS])
