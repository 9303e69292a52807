"""Metrics, on cases that can be computed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotion_edge_converter.corpora.readers import Utterance
from emotion_edge_converter.evaluation.answers import Answers
from emotion_edge_converter.evaluation.metrics import (
    accuracy_at_coverage,
    confusion_matrix,
    expected_calibration_error,
    reliability,
    uar,
    uar_interval,
)
from emotion_edge_converter.evaluation.scores import together
from emotion_edge_converter.recordings.conditions import AS_RECORDED, NOISE
from emotion_edge_converter.reports import evaluation_pictures

from emotion_edge import Prediction


def test_uar_is_the_mean_of_the_recalls():
    matrix = confusion_matrix(np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 1]), 2)
    assert uar(matrix) == pytest.approx((0.75 + 1) / 2)
    assert uar(np.array([[3, 1, 0], [0, 1, 1]])) == pytest.approx((0.75 + 0.5) / 2)  # a last column for no answer


def test_the_interval_is_over_speakers():
    random = np.random.default_rng(1)
    actual = np.tile([0, 1], 200)
    speakers = [f"t{number // 20}" for number in range(400)]
    good = np.repeat(random.random(20) < 0.5, 20)  # a speaker is recognised always or never
    predicted = np.where(good, actual, 1 - actual)
    low, high = uar_interval(actual, predicted, speakers, 2)
    share = good.mean()
    assert low < share < high
    spread = np.sqrt(share * (1 - share) / 20)  # over 20 speakers, not over 400 recordings
    assert (high - low) / (2 * 1.96 * spread) == pytest.approx(1, abs=0.25)
    assert uar_interval(actual, predicted, speakers, 2) == (low, high)


def test_the_interval_without_errors_and_with_a_single_speaker():
    actual = np.array([0, 1, 0, 1])
    assert uar_interval(actual, actual, ["a", "a", "b", "b"], 2) == (1, 1)
    assert np.isnan(uar_interval(actual, actual, ["a"] * 4, 2)).all()


def calibration_error(confidences, correct, weights=None):
    return expected_calibration_error(reliability(np.array(confidences), np.array(correct), weights))


def test_calibration_error():
    assert calibration_error([0.95, 0.95, 0.55, 0.55, 1.0], [1, 1, 1, 0, 1]) == pytest.approx((0.1 + 0.1) / 5)
    assert calibration_error([0.9, 0.9], [0, 0]) == pytest.approx(0.9)
    assert calibration_error([0.9, 0.3], [0, 0], np.array([3, 1])) == pytest.approx((3 * 0.9 + 0.3) / 4)


def test_reliability_has_only_bins_with_answers():
    low, high = reliability(np.array([0.52, 0.58, 1.0]), np.array([1, 0, 1]))
    assert low == pytest.approx((0.5, 0.6, 0.55, 0.5, 2 / 3))
    assert high == pytest.approx((0.9, 1.0, 1.0, 1.0, 1 / 3))


def test_accuracy_at_coverage():
    confidences, correct = np.array([0.9, 0.6, 0.8, 0.7]), np.array([1, 0, 1, 0])
    shares = np.array([1, 0.75, 0.5, 0.25])
    np.testing.assert_allclose(accuracy_at_coverage(confidences, correct, shares), [0.5, 2 / 3, 1, 1])
    equally_sure = accuracy_at_coverage(np.full(4, 0.9), correct, shares)
    np.testing.assert_allclose(equally_sure, 0.5, err_msg="their order does not matter")
    heavy = accuracy_at_coverage(np.array([0.9, 0.8]), np.array([1, 0]), np.array([1, 0.75]), np.array([3, 1]))
    np.testing.assert_allclose(heavy, [0.75, 1])


def made_up(*rows):
    """Answers from rows of corpus, actual label, predicted label and confidence. They are certain from 0.5."""
    utterances = [
        Utterance(Path(f"{number}.wav"), "ada", "", actual, corpus) for number, (corpus, actual, *_) in enumerate(rows)
    ]
    predictions = [answered(label, confidence) for *_, label, confidence in rows]
    return Answers(("calm", "cross"), utterances, predictions)


def answered(label, confidence):
    status: Any = "no_speech" if label is None else "ok" if confidence >= 0.5 else "uncertain"
    return Prediction(label, confidence, {}, status, start_s=0, end_s=1, model="made up")


def test_every_corpus_counts_the_same():
    figures = together(
        made_up(
            ("small", "calm", "calm", 0.9),
            ("large", "calm", "cross", 0.7),
            ("large", "cross", "cross", 0.7),
            ("large", "calm", "calm", 0.4),
            ("large", "calm", None, 0.0),
        )
    )
    assert figures["accuracy"] == 0.75
    assert figures["sure"] == {"share": 0.75, "accuracy": round(0.625 / 0.75, 4)}
    assert figures["expected_calibration_error"] == pytest.approx(0.5 * 0.1 + 0.25 * 0.2 + 0.125 * 0.6 + 0.125 * 0)
    assert {each["coverage"]: each["accuracy"] for each in figures["coverage"]}[0.5] == 1.0
    assert [each["share"] for each in figures["reliability"]] == [0.125, 0.125, 0.25, 0.5]


def test_no_two_corpora_look_alike(monkeypatch):
    drawn = []
    monkeypatch.setattr(evaluation_pictures, "png", lambda figure: drawn.append(figure) or b"")
    corpora = {f"corpus {number}": {"uar": number / 20} for number in range(14)}
    conditions = {name: {"corpora": corpora, "mean_uar": 0.5} for name in (AS_RECORDED, *NOISE.values())}
    evaluation_pictures.over_noise(conditions, ["calm", "cross"])
    (figure,) = drawn
    lines = [line for line in figure.axes[0].lines if line.get_label() in corpora]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == len(lines) == 14
