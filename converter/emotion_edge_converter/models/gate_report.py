"""The figures of the cross-validation of a speech gate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features.speech_windows import AS_RECORDED, LIVE, N_FOLDS, NOISY, SNR_DB, Windows
from .speech_gate import JUDGED_S, NOISY_RECALL, CrossValidation, smoothed, verdicts

Array = NDArray[Any]

PROTOCOL = (
    f"{N_FOLDS} folds, no speaker and no noise clip on both sides, thresholds from the training side, int8; speech: "
    f"share of windows of {JUDGED_S:g} s and more let through, mean over corpora; verdicts: two such windows in a row, "
    "or the last of an utterance; logits averaged over the utterance so far"
)

THRESHOLDS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
"""Thresholds for the probability of speech in the report."""


def report(windows: Windows, result: CrossValidation) -> dict[str, Any]:
    """All figures, as plain data for JSON."""
    return {
        "protocol": PROTOCOL,
        "utterances": LIVE,
        "judged_s": JUDGED_S,
        "noisy_recall_wanted": NOISY_RECALL,
        "snr_db": SNR_DB,
        "recordings": {
            "speech": sum(recording.speech for recording in windows.recordings),
            "noise": sum(not recording.speech and recording.file is not None for recording in windows.recordings),
            "synthetic": sum(recording.file is None for recording in windows.recordings),
        },
        "windows": len(windows.recording),
        "hours_of_noise": round(windows.noise_s / 3600, 4),
        "false_verdicts_per_hour": _rate(windows, result.logits),
        "false_verdicts_per_hour_class_left_out": _rate(windows, result.left_out),
        "speech": _speech(windows, result),
        "noise": _noise(windows, result),
        "thresholds": [_threshold(windows, result, probability) for probability in THRESHOLDS],
        "folds": [_fold(windows, result, number) for number in range(N_FOLDS)],
    }


def scores(figures: dict[str, Any]) -> dict[str, float]:
    """The scores in the recipe of the model."""
    corpora, noises = figures["speech"].values(), figures["noise"].values()
    chosen = {
        f"recall, {version}": float(np.mean([corpus[version]["smoothed"] for corpus in corpora if version in corpus]))
        for version in (AS_RECORDED, NOISY)
        if any(version in corpus for corpus in corpora)
    }
    n_windows = max(1, sum(noise["windows"] for noise in noises))
    chosen["false windows"] = sum(noise["smoothed"] * noise["windows"] for noise in noises) / n_windows
    chosen["false verdicts per hour"] = figures["false_verdicts_per_hour"]
    chosen["false verdicts per hour, class left out"] = figures["false_verdicts_per_hour_class_left_out"]
    return {name: round(value, 4) for name, value in chosen.items()}


def _speech(windows: Windows, result: CrossValidation) -> dict[str, Any]:
    """For each corpus and version: the number of windows, the shares let through without and with smoothing, and the
    share of recordings with a verdict.
    """
    figures: dict[str, Any] = {}
    for name in np.unique(windows.group[windows.speech]):
        for version in (AS_RECORDED, NOISY):
            rows = _judged(windows) & windows.speech & (windows.group == name) & (windows.version == version)
            if rows.any():
                opened = {int(windows.recording[row]) for row in verdicts(windows, result.logits, rows)}
                found = len(opened) / len(np.unique(windows.recording[rows]))
                figures.setdefault(str(name), {})[version] = {
                    **_shares(windows, result.logits, rows),
                    "recordings_with_verdict": round(found, 4),
                }
    return figures


def _noise(windows: Windows, result: CrossValidation) -> dict[str, Any]:
    """For each class of noise as recorded: shares and verdicts, also by gates that were trained without the class."""
    figures = {}
    as_recorded = ~windows.speech & (windows.version == AS_RECORDED)
    for name in np.unique(windows.group[as_recorded]):
        rows = _judged(windows) & as_recorded & (windows.group == name)
        figures[str(name)] = {
            **_shares(windows, result.logits, rows),
            "verdicts": len(verdicts(windows, result.logits, rows)),
            "class_left_out": {
                **_shares(windows, result.left_out, rows),
                "verdicts": len(verdicts(windows, result.left_out, rows)),
            },
        }
    return figures


def _fold(windows: Windows, result: CrossValidation, number: int) -> dict[str, Any]:
    own = _judged(windows) & (windows.fold == number)
    noise = own & ~windows.speech & (windows.version == AS_RECORDED)
    return {
        "fold": number + 1,
        **{
            f"recall, {version}": _shares(windows, result.logits, own & windows.speech & (windows.version == version))
            for version in (AS_RECORDED, NOISY)
        },
        "noise": _shares(windows, result.logits, noise),
        "verdicts": len(verdicts(windows, result.logits, noise)),
    }


def _threshold(windows: Windows, result: CrossValidation, probability: float) -> dict[str, Any]:
    """The summary at another threshold."""
    further = np.log(probability / (1 - probability))
    logits, left_out = result.logits - further, result.left_out - further
    rows = {
        version: _judged(windows) & windows.speech & (windows.version == version) for version in (AS_RECORDED, NOISY)
    }
    return {
        "probability": probability,
        **{f"recall, {version}": _mean_recall(windows, logits, rows[version]) for version in rows},
        "false_verdicts_per_hour": _rate(windows, logits),
        "false_verdicts_per_hour_class_left_out": _rate(windows, left_out),
    }


def _mean_recall(windows: Windows, logits: Array, rows: Array) -> float:
    groups = [rows & (windows.group == name) for name in np.unique(windows.group[rows])]
    return round(float(np.mean([_shares(windows, logits, group)["smoothed"] for group in groups] or [0.0])), 4)


def _judged(windows: Windows) -> Array:
    return np.asarray(windows.length_s >= JUDGED_S - 1e-6)


def _shares(windows: Windows, logits: Array, rows: Array) -> dict[str, Any]:
    if not rows.any():
        return {"windows": 0, "single": 0.0, "smoothed": 0.0}
    return {
        "windows": int(rows.sum()),
        "single": round(float(np.mean(logits[rows] > 0)), 4),
        "smoothed": round(float(np.mean(smoothed(windows, logits)[rows] > 0)), 4),
    }


def _rate(windows: Windows, logits: Array) -> float:
    as_recorded = ~windows.speech & (windows.version == AS_RECORDED)
    return round(len(verdicts(windows, logits, as_recorded)) / (windows.noise_s / 3600), 4)
