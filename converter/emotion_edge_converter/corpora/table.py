"""Reads a CSV file as the `metadata` and `train` commands write it, for example with a selection from a corpus."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from ..errors import CorpusError
from .utterance import SEXES, Utterance

COLUMNS: Final = ("file", "speaker", "word", "emotion", "corpus", "sex")

_NEEDED: Final = COLUMNS[:5]  # tables from elsewhere may lack the sex


def read(path: Path) -> list[Utterance]:
    """The rows of a CSV file with the columns file, speaker, word, emotion, corpus and, optionally, sex.

    Raises:
        CorpusError: the file cannot be read, lacks a column or has an unknown value.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [column for column in _NEEDED if column not in (rows.fieldnames or ())]
            if missing:
                raise CorpusError(f"{path} has no column {missing[0]}: wanted {', '.join(_NEEDED)}")
            return [_utterance(row, f"{path}, line {rows.line_num}") for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read as CSV: {error}") from error


def _utterance(row: dict[str, str | None], place: str) -> Utterance:
    file, *rest = (row.get(column) or "" for column in COLUMNS)
    if not file:
        raise CorpusError(f"{place} names no file")
    if rest[-1] not in ("", *SEXES):
        raise CorpusError(f"{place} has the sex {rest[-1]!r}: wanted {' or '.join(SEXES)}, or an empty cell")
    return Utterance(Path(file), *rest)
