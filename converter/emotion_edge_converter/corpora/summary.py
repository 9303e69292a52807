"""Counts per corpus, as a text table."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import soundfile

from .readers import EMOTIONS
from .utterance import SEXES, Utterance

_log = logging.getLogger(__name__)


def summary(utterances: Sequence[Utterance]) -> str:
    """One line per corpus: files, known speakers, speakers by sex, minutes, files of each label. The last line has the
    sums.

    Minutes come from the headers of the files. A file with an unreadable header adds no minutes and causes a warning.
    """
    labels = sorted({u.emotion for u in utterances}, key=lambda label: (label not in EMOTIONS, label))
    corpora = sorted({u.corpus for u in utterances})
    header = ["corpus", "files", "speakers", *SEXES, "unknown", "minutes", *labels]
    rows = [_counts([u for u in utterances if u.corpus == corpus], labels) for corpus in corpora]
    if len(rows) > 1:
        rows.append([sum(column) for column in zip(*rows, strict=True)])
    lines = [header]
    for name, row in zip([*corpora, "all"], rows, strict=False):
        lines.append([name, *(f"{n:.1f}" if isinstance(n, float) else str(n) for n in row)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]) + "\n" for name, *cells in lines
    )


def _counts(utterances: Sequence[Utterance], labels: Sequence[str]) -> list[float]:
    """The numbers for one corpus: whole numbers, except the minutes."""
    sexes = Counter({u.speaker: u.sex for u in utterances if u.speaker}.values())
    emotions = Counter(u.emotion for u in utterances)
    minutes = sum((_duration_s(u.file) for u in utterances), 0.0) / 60
    by_sex = [sexes[sex] for sex in (*SEXES, "")]
    return [len(utterances), sexes.total(), *by_sex, minutes, *(emotions[label] for label in labels)]


def _duration_s(file: Path) -> float:
    try:
        return float(soundfile.info(file).duration)
    except (soundfile.SoundFileError, OSError) as error:
        _log.warning("%s adds no minutes: %s", file, error)
        return 0.0
