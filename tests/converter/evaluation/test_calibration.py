"""Temperature and threshold, on answers with confidence that is wrong by a known factor."""

from __future__ import annotations

import numpy as np
import pytest
from emotion_edge_converter.evaluation.calibration import temperature, uncertain_below
from scipy.special import softmax

RANDOM = np.random.default_rng(0)
TRUE_LOGITS = RANDOM.normal(0, 2, (20000, 4))
TARGETS = np.array([RANDOM.choice(4, p=row) for row in softmax(TRUE_LOGITS, axis=1)])
EVEN = np.ones(len(TARGETS))


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_factor_of_the_logits(factor):
    assert temperature(factor * TRUE_LOGITS, TARGETS, EVEN) == pytest.approx(factor, rel=0.03)


def test_answers_of_weight_zero_do_not_count():
    logits = np.concatenate([2 * TRUE_LOGITS, RANDOM.normal(0, 50, TRUE_LOGITS.shape)])
    weights = np.concatenate([EVEN, 0 * EVEN])
    assert temperature(logits, np.tile(TARGETS, 2), weights) == pytest.approx(2, rel=0.03)


@pytest.mark.parametrize("precision", [0.7, 0.8, 0.9])
def test_answers_above_the_threshold_have_the_wanted_precision(precision):
    probabilities = softmax(TRUE_LOGITS, axis=1)
    threshold = uncertain_below(probabilities, TARGETS, EVEN, precision=precision)
    sure = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == TARGETS
    assert right[sure].mean() == pytest.approx(precision, abs=0.005)
    lower = probabilities.max(axis=1) >= threshold - 0.05
    assert right[lower].mean() < precision


def test_without_a_suitable_threshold_a_tenth_stays_certain():
    probabilities = softmax(RANDOM.normal(0, 2, (1000, 4)), axis=1)
    threshold = uncertain_below(probabilities, RANDOM.integers(4, size=1000), np.ones(1000))
    assert np.mean(probabilities.max(axis=1) >= threshold) == pytest.approx(0.1, abs=0.01)


def test_if_all_answers_are_right_all_are_certain():
    probabilities = softmax(TRUE_LOGITS, axis=1)
    threshold = uncertain_below(probabilities, probabilities.argmax(axis=1), EVEN)
    assert threshold <= probabilities.max(axis=1).min() + 1e-3
