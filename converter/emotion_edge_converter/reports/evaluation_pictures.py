"""Draws the pictures for the report of an evaluation, as PNG bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, Final

import matplotlib.pyplot as plt

from ..evaluation.scores import NO_SPEECH
from ..recordings.conditions import AS_RECORDED, NOISE
from . import drawing
from .drawing import COLOURS, png

KNOWN: Final = "speakers left out of training"
LEFT_OUT: Final = "corpora left out of training"

_MARKERS: Final = "osD^vPX"
"""Seven markers and six colours give 42 combinations before two corpora look the same."""
_KINDS: Final[Sequence[dict[str, Any]]] = (
    {"color": COLOURS[0], "marker": "o"},
    {"color": COLOURS[-1], "marker": "s", "linestyle": ":"},
)
_NO_NOISE_DB: Final = max(NOISE) + 10
"""Position of the recordings without added noise on the axis of signal-to-noise ratios."""


def over_noise(conditions: dict[str, Any], labels: Sequence[str]) -> bytes:
    """Draw the UAR over the signal-to-noise ratio: one line per corpus, the mean in black, chance dashed."""
    names = {snr_db: NOISE[snr_db] for snr_db in sorted(NOISE)} | {_NO_NOISE_DB: AS_RECORDED}
    corpora = conditions[AS_RECORDED]["corpora"]
    figure, panel = plt.subplots(figsize=(7.6, 4.2))
    for corpus, colour, marker in zip(corpora, cycle(COLOURS[:-1]), cycle(_MARKERS), strict=False):
        uars = [conditions[name]["corpora"][corpus]["uar"] for name in names.values()]
        panel.plot(list(names), uars, marker=marker, color=colour, label=corpus, markersize=5, linewidth=1.2)
    means = [conditions[name]["mean_uar"] for name in names.values()]
    panel.plot(list(names), means, color=COLOURS[-1], label="mean", linewidth=2.4)
    _chance(panel, labels)
    panel.set_xticks(list(names), [*(str(snr_db) for snr_db in sorted(NOISE)), AS_RECORDED])
    panel.set(xlabel="signal-to-noise ratio, dB", ylabel="UAR", ylim=(0, 1.02))
    panel.grid(alpha=0.25)
    panel.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return png(figure)


def confusion(name: str, corpus: dict[str, Any], labels: Sequence[str]) -> bytes:
    """Draw the confusion matrix of a corpus, with a column for no speech if it occurs."""
    n_columns = len(labels) + bool(corpus["no_speech"])
    counts = [row[:n_columns] for row in corpus["confusion"]]
    return drawing.confusion(counts, labels, [*labels, NO_SPEECH][:n_columns], f"{name}: UAR {corpus['uar']:.3f}")


def reliability(kinds: Mapping[str, dict[str, Any]]) -> bytes:
    """Draw accuracy over confidence, and below it the shares of the answers. A calibrated model is on the diagonal.

    Args:
        kinds: name of each kind of answers, `KNOWN` first, to the result of `scores.together`.
    """
    figure, (panel, shares) = plt.subplots(2, figsize=(4.6, 4.6), sharex=True, gridspec_kw={"height_ratios": (3, 1)})
    panel.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=1, label="perfectly calibrated")
    for (name, together), style in zip(kinds.items(), _KINDS, strict=False):
        bins = together["reliability"]
        confidences, accuracies = [each["confidence"] for each in bins], [each["accuracy"] for each in bins]
        panel.plot(confidences, accuracies, label=name, clip_on=False, **style)
        edges = [*(each["low"] for each in bins), bins[-1]["high"]]
        shares.stairs([each["share"] for each in bins], edges, color=style["color"], linewidth=1.2)
    panel.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
    panel.legend(fontsize=9, loc="upper left", frameon=False)
    panel.grid(alpha=0.25)
    shares.set(xlabel="confidence", ylabel="share", ylim=(0, None))
    return png(figure)


def coverage(kinds: Mapping[str, dict[str, Any]], labels: Sequence[str]) -> bytes:
    """Draw accuracy over the share of most confident answers, and mark the threshold of the model.

    Args:
        kinds: as for `reliability`.
        labels: the labels of the model.
    """
    figure, panel = plt.subplots(figsize=(4.6, 4.6))
    threshold = "not \u201cuncertain\u201d"  # one entry in the legend for all kinds
    for (name, together), style in zip(kinds.items(), _KINDS, strict=False):
        points, sure = together["coverage"], together["sure"]
        panel.plot([each["coverage"] for each in points], [each["accuracy"] for each in points], label=name, **style)
        if sure["accuracy"] is not None:
            panel.plot(sure["share"], sure["accuracy"], "D", color=COLOURS[1], markersize=9, label=threshold)
            threshold = "_"
    _chance(panel, labels)
    panel.set(
        xlabel="share of the recordings answered", ylabel="accuracy of these answers", xlim=(0, 1.02), ylim=(0, 1.02)
    )
    panel.legend(fontsize=9, loc="lower left", bbox_to_anchor=(0, 0.02 + 1 / len(labels)), frameon=False)
    panel.grid(alpha=0.25)
    return png(figure)


def _chance(panel: Any, labels: Sequence[str]) -> None:
    panel.axhline(1 / len(labels), color="grey", linestyle="--", linewidth=1, label="chance")
