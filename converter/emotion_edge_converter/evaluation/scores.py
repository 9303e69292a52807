"""All figures of an evaluation, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..recordings.conditions import AS_RECORDED
from .answers import Answers, Evaluation
from .metrics import (
    accuracy_at_coverage,
    confusion_matrix,
    expected_calibration_error,
    label_numbers,
    reliability,
    uar,
    uar_interval,
)
from .profiles import WithProfile

Array = NDArray[Any]

NO_SPEECH: Final = "no speech"
"""The answer without a label. It counts as wrong, with a confidence of 0."""

_COVERAGES: Final = np.arange(10, 0, -1) / 10


def figures(evaluation: Evaluation, profiles: Mapping[str, WithProfile]) -> dict[str, Any]:
    """All figures, from the answers under each condition and with each kind of voice profile.

    As recorded: for each corpus, each known sex, and all corpora together. Corpora left out and profiles: the same
    without the sexes. Other conditions: only the recalls.
    """
    as_recorded = evaluation.conditions[AS_RECORDED]
    return {
        "labels": list(as_recorded.labels),
        "left_out": _of_left_out(evaluation.left_out),
        "profiles": {name: _of_profile(answers) for name, answers in profiles.items()},
        "mean_uar": _mean_uar(_recalls_by_corpus(as_recorded)["corpora"]),
        "together": together(as_recorded),
        "corpora": {name: _of_corpus(part) for name, part in as_recorded.by_corpus().items()},
        "conditions": {name: _recalls_by_corpus(each) for name, each in evaluation.conditions.items()},
    }


def together(answers: Answers) -> dict[str, Any]:
    """Calibration and coverage over all corpora. Every corpus counts the same, whatever its size.

    In each figure, the weight of an answer is one divided by the number of answers for its corpus. All answers are
    sorted by confidence in a single list, because a device uses one threshold for everyone. So a corpus on which the
    model is less confident has a smaller share of the most confident answers.
    """
    confidences, correct, sure = _confidences(answers)
    _, numbers, counts = np.unique(
        [utterance.corpus for utterance in answers.utterances], return_inverse=True, return_counts=True
    )
    weights = 1 / (counts[numbers] * len(counts))
    bins = reliability(confidences, correct, weights)
    accuracies = accuracy_at_coverage(confidences, correct, _COVERAGES, weights)
    return {
        "accuracy": _rounded(np.average(correct, weights=weights)),
        "expected_calibration_error": _rounded(expected_calibration_error(bins)),
        "sure": _sure(correct, sure, weights),
        "reliability": [{name: _rounded(value) for name, value in each._asdict().items()} for each in bins],
        "coverage": [
            {"coverage": float(coverage), "accuracy": _rounded(accuracy)}
            for coverage, accuracy in zip(_COVERAGES, accuracies, strict=True)
        ],
    }


def _of_corpus(answers: Answers) -> dict[str, Any]:
    sexes = sorted({utterance.sex for utterance in answers.utterances} - {""})
    return {**_all(answers), "sex": {sex: _all(answers.of(sex=sex)) for sex in sexes}}


def _of_left_out(conditions: Mapping[str, Answers]) -> dict[str, Any] | None:
    if not conditions:
        return None
    answers = conditions[AS_RECORDED]
    corpora = {name: _all(part) for name, part in answers.by_corpus().items()}
    return {
        "mean_uar": _mean_uar(corpora),
        "together": together(answers),
        "corpora": corpora,
        "conditions": {name: _recalls_by_corpus(each) for name, each in conditions.items()},
    }


def _of_profile(answers: WithProfile) -> dict[str, Any]:
    """With a profile. `gain` is the difference to the answers to the same recordings without one."""
    known, unknown = _recalls_by_corpus(answers.known), _recalls_by_corpus(answers.unknown)
    for name, corpus in known["corpora"].items():
        corpus["gain"] = _rounded(corpus["uar"] - unknown["corpora"][name]["uar"])
    return {**known, "gain": _rounded(known["mean_uar"] - unknown["mean_uar"]), "together": together(answers.known)}


def _all(answers: Answers) -> dict[str, Any]:
    confidences, correct, sure = _confidences(answers)
    actual, predicted = _numbers(answers)
    n_labels = len(answers.labels)
    return {
        **_recalls(answers),
        "accuracy": _rounded(correct.mean()),
        "confusion": confusion_matrix(actual, predicted, n_labels + 1)[:n_labels].tolist(),
        "expected_calibration_error": _rounded(expected_calibration_error(reliability(confidences, correct))),
        "sure": _sure(correct, sure, np.ones(len(correct))),
    }


def _recalls_by_corpus(answers: Answers) -> dict[str, Any]:
    corpora = {name: _recalls(part) for name, part in answers.by_corpus().items()}
    return {"mean_uar": _mean_uar(corpora), "corpora": corpora}


def _mean_uar(corpora: Mapping[str, dict[str, Any]]) -> float | None:
    return _rounded(np.mean([corpus["uar"] for corpus in corpora.values()]))


def _recalls(answers: Answers) -> dict[str, Any]:
    actual, predicted = _numbers(answers)
    speakers = [f"{utterance.corpus}:{utterance.speaker}" for utterance in answers.utterances]
    n_columns = len(answers.labels) + 1
    low, high = uar_interval(actual, predicted, speakers, n_columns)
    return {
        "recordings": len(actual),
        "speakers": len(set(speakers)),
        "uar": _rounded(uar(confusion_matrix(actual, predicted, n_columns))),
        "uar_interval": [_rounded(low), _rounded(high)],
        "no_speech": int((predicted == len(answers.labels)).sum()),
    }


def _numbers(answers: Answers) -> tuple[Array, Array]:
    """Actual and predicted label numbers, shape (n,) each. The number of `NO_SPEECH` follows those of the labels."""
    labels = (*answers.labels, NO_SPEECH)
    actual = label_numbers([utterance.emotion for utterance in answers.utterances], labels)
    return actual, label_numbers([each.label or NO_SPEECH for each in answers.predictions], labels)


def _confidences(answers: Answers) -> tuple[Array, Array, Array]:
    """Confidence, whether the answer is right, and whether the model reports it as certain; shape (n,) each."""
    actual, predicted = _numbers(answers)
    confidences = np.array([each.confidence for each in answers.predictions])
    return confidences, actual == predicted, np.array([each.status == "ok" for each in answers.predictions])


def _sure(correct: Array, sure: Array, weights: Array) -> dict[str, Any]:
    """At the threshold of the model: the share of answers that are not `uncertain`, and their accuracy."""
    accuracy = np.average(correct[sure], weights=weights[sure]) if sure.any() else np.nan
    return {"share": _rounded(np.average(sure, weights=weights)), "accuracy": _rounded(accuracy)}


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
