"""Writes the report of the study as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence

from ..corpora.readers import Utterance
from ..settings import ARCHITECTURES, CHOSEN
from ..training.study import ORIGINAL, Study
from . import pages
from . import study_pictures as pictures


def html(study: Study, utterances: Sequence[Utterance]) -> str:
    """The report: tables, accuracies, confusion matrices, learning curves, waveforms.

    Args:
        study: the results.
        utterances: the recordings, for the waveforms.
    """
    architectures = list(dict.fromkeys(cell.architecture for cell in study.cells))
    chosen = study.cell(*CHOSEN) or max(study.cells, key=lambda cell: cell.scores[0].accuracy)
    return pages.render(
        "report.html",
        study=study,
        architectures=architectures,
        counts=sorted({cell.n_mfcc for cell in study.cells}),
        splits=[score.split for score in study.cells[0].scores],
        original=_original(study, architectures),
        chosen=chosen,
        chance=1 / len(study.labels),
        accuracies=pictures.accuracies(study),
        confusions=[pictures.confusion(score, study.labels) for score in chosen.scores],
        learning_curves=pictures.learning_curves(study),
        waveforms=pictures.waveforms(utterances, study.labels),
    )


def _original(study: Study, architectures: Sequence[str]) -> dict[tuple[str, int], float]:
    """The figures of the original study by cell. They are only comparable on its corpus, TESS."""
    if study.corpora != ["tess"]:
        return {}
    return {
        (architecture, count): row[ARCHITECTURES.index(architecture)]
        for count, row in ORIGINAL.items()
        for architecture in architectures
    }
