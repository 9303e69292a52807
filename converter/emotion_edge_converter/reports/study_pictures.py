"""Draws the pictures for the report of the study, as PNG bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import matplotlib.pyplot as plt
import numpy as np

from ..corpora.readers import Utterance
from ..features.reference import load_audio
from ..training.study import SAMPLE_RATE_HZ, Score, Study
from . import drawing
from .drawing import COLOURS, png

_LONGEST_WORD: Final = 16  # a longer text would overlap the next panel


def accuracies(study: Study) -> bytes:
    """Draw accuracy over the number of MFCCs: one panel per split, one line per architecture, chance dashed."""
    splits = [score.split for score in study.cells[0].scores]
    figure, axes = plt.subplots(1, len(splits), figsize=(4.2 * len(splits), 3.8), sharey=True, squeeze=False)
    counts = sorted({cell.n_mfcc for cell in study.cells})
    for number, (panel, split) in enumerate(zip(axes[0], splits, strict=True)):
        for colour, architecture in zip(
            COLOURS, dict.fromkeys(cell.architecture for cell in study.cells), strict=False
        ):
            values = [_cell(study, architecture, count).scores[number].accuracy for count in counts]
            panel.plot(counts, values, "o-", color=colour, label=architecture, markersize=4)
        panel.axhline(1 / len(study.labels), color="grey", linestyle="--", linewidth=1)
        panel.text(
            counts[-1], 1 / len(study.labels) - 0.02, "chance", color="dimgrey", ha="right", va="top", fontsize=8
        )
        panel.set(
            title=split if number == 0 else f"{split}, new speaker",
            xlabel="number of MFCCs",
            xticks=counts,
            ylim=(0, 1.03),
        )
        panel.grid(alpha=0.25)
    axes[0][0].set_ylabel("accuracy")
    axes[0][-1].legend(fontsize=8, loc="upper left")
    return png(figure)


def confusion(score: Score, labels: Sequence[str]) -> bytes:
    """Draw the confusion matrix of a split."""
    return drawing.confusion(score.confusion, labels, labels, f"{score.split}: {score.accuracy:.3f}")


def learning_curves(study: Study) -> bytes:
    """Draw training and test accuracy over the epochs of the random split, one panel per cell."""
    architectures = list(dict.fromkeys(cell.architecture for cell in study.cells))
    counts = sorted({cell.n_mfcc for cell in study.cells})
    figure, axes = plt.subplots(
        len(counts),
        len(architectures),
        figsize=(2.3 * len(architectures), 1.8 * len(counts)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for row, count in enumerate(counts):
        for column, architecture in enumerate(architectures):
            history, panel = _cell(study, architecture, count).scores[0].history, axes[row][column]
            panel.plot(history["accuracy"], color=COLOURS[0], linewidth=1, label="training set")
            panel.plot(history["val_accuracy"], color=COLOURS[1], linewidth=1, label="test third")
            panel.axhline(1 / len(study.labels), color="grey", linestyle="--", linewidth=0.8)
            panel.set_ylim(0, 1.03)
            panel.set_title(f"{architecture}, {count} MFCC", fontsize=8)
            panel.tick_params(labelsize=7)
            panel.grid(alpha=0.25)
    axes[0][0].legend(fontsize=7, loc="lower right")
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("accuracy", fontsize=9)
    return png(figure)


def waveforms(utterances: Sequence[Utterance], labels: Sequence[str]) -> bytes:
    """Draw the first recording of each emotion and speaker, all on one scale."""
    speakers = list(dict.fromkeys(utterance.speaker for utterance in utterances))[:4]
    figure, axes = plt.subplots(
        len(labels),
        len(speakers),
        figsize=(4.2 * len(speakers), 1.25 * len(labels)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for row, label in enumerate(labels):
        for column, speaker in enumerate(speakers):
            panel = axes[row][column]
            panel.tick_params(labelsize=7)
            matching = [
                utterance for utterance in utterances if (utterance.emotion, utterance.speaker) == (label, speaker)
            ]
            if not matching:
                panel.axis("off")
                continue
            samples = load_audio(matching[0].file, SAMPLE_RATE_HZ)
            panel.plot(
                np.arange(len(samples)) / SAMPLE_RATE_HZ, samples, color=COLOURS[row % len(COLOURS)], linewidth=0.4
            )
            panel.set_title(
                " · ".join(filter(None, (label, speaker, matching[0].word[:_LONGEST_WORD]))), fontsize=8, loc="left"
            )
    figure.supxlabel("seconds", fontsize=9)
    return png(figure)


def _cell(study: Study, architecture: str, n_mfcc: int) -> Any:
    cell = study.cell(architecture, n_mfcc)
    assert cell is not None, "a study contains every cell"
    return cell
