"""A study as one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, select_autoescape

from . import __version__, pictures
from .corpora import Utterance
from .settings import ARCHITECTURES, CHOSEN
from .study import ORIGINAL, Study


def html(study: Study, utterances: Sequence[Utterance]) -> str:
    """The report: tables, accuracies, confusion matrices, learning curves, waveforms.

    Args:
        study: what was measured.
        utterances: the recordings, for the waveforms.
    """
    environment = Environment(
        loader=PackageLoader("emotion_edge_converter"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    architectures = list(dict.fromkeys(cell.architecture for cell in study.cells))
    chosen = study.cell(*CHOSEN) or max(study.cells, key=lambda cell: cell.scores[0].accuracy)
    return environment.get_template("report.html").render(
        study=study,
        version=__version__,
        architectures=architectures,
        counts=sorted({cell.n_mfcc for cell in study.cells}),
        splits=[score.split for score in study.cells[0].scores],
        original=_original(study, architectures),
        chosen=chosen,
        chance=1 / len(study.labels),
        accuracies=_embedded(pictures.accuracies(study)),
        confusions=[_embedded(pictures.confusion(score, study.labels)) for score in chosen.scores],
        learning_curves=_embedded(pictures.learning_curves(study)),
        waveforms=_embedded(pictures.waveforms(utterances, study.labels)),
    )


def _original(study: Study, architectures: Sequence[str]) -> dict[tuple[str, int], float]:
    """The original's figures by cell; they say nothing about other corpora than its own."""
    if study.corpora != ["tess"]:
        return {}
    return {
        (architecture, count): row[ARCHITECTURES.index(architecture)]
        for count, row in ORIGINAL.items()
        for architecture in architectures
    }


def _embedded(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
