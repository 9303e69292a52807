"""Metrics for classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(actual: NDArray[Any], predicted: NDArray[Any], n_labels: int) -> NDArray[np.int64]:
    """Count pairs of label numbers, each of shape (n,). Rows actual, columns predicted, shape (n_labels, n_labels)."""
    matrix = np.zeros((n_labels, n_labels), np.int64)
    np.add.at(matrix, (actual, predicted), 1)
    return matrix


def accuracy(matrix: NDArray[Any]) -> float:
    """The share on the diagonal of a confusion matrix, shape (n_labels, n_labels)."""
    return float(np.trace(matrix) / matrix.sum())


def uar(matrix: NDArray[Any]) -> float:
    """The unweighted average recall of a confusion matrix with actual rows: the mean over the labels that occur."""
    counts = matrix.sum(axis=1)
    return float(np.mean(np.diag(matrix)[counts > 0] / counts[counts > 0]))


def uar_interval(
    actual: NDArray[Any], predicted: NDArray[Any], speakers: Sequence[str], n_labels: int, *, draws: int = 1000
) -> tuple[float, float]:
    """The 95 % confidence interval of the UAR: a percentile bootstrap that draws speakers, not recordings.

    Errors on recordings of one speaker are correlated, so drawing recordings would make the interval too narrow (Efron
    & Tibshirani, 1993). With a single speaker the result is (nan, nan).

    Args:
        actual, predicted: label numbers, shape (n,).
        speakers: the name of the speaker of each recording.
        n_labels: number of columns of the confusion matrix.
        draws: number of bootstrap draws.
    """
    names = sorted(set(speakers))
    if len(names) < 2:
        return float("nan"), float("nan")
    of_speaker = np.array(speakers)
    each = np.stack(
        [confusion_matrix(actual[rows], predicted[rows], n_labels) for rows in (of_speaker == name for name in names)]
    )
    random = np.random.default_rng(0)
    drawn = [uar(each[random.integers(len(names), size=len(names))].sum(axis=0)) for _ in range(draws)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


class Bin(NamedTuple):
    """Answers with similar confidence.

    Attributes:
        low, high: bounds of the confidence.
        confidence, accuracy: mean confidence and accuracy of these answers.
        share: their share of all answers.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    share: float


def reliability(
    confidences: NDArray[Any], correct: NDArray[Any], weights: NDArray[Any] | None = None, *, n_bins: int = 10
) -> list[Bin]:
    """Accuracy by confidence, in bins of equal width. Empty bins are left out.

    Args:
        confidences: 0 to 1, shape (n,).
        correct: whether each answer is right, shape (n,).
        weights: weight of each answer, shape (n,). With None all weigh the same.
        n_bins: number of bins, including empty ones.
    """
    weights = np.ones(len(confidences)) if weights is None else weights
    numbers = np.minimum((confidences * n_bins).astype(int), n_bins - 1)
    counts, confidence, accuracy = (
        np.bincount(numbers, weights * values, n_bins) for values in (1, confidences, correct)
    )
    return [
        Bin(each / n_bins, (each + 1) / n_bins, confidence[each] / counts[each], accuracy[each] / counts[each], share)
        for each, share in enumerate(counts / counts.sum())
        if share > 0
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """The mean difference between confidence and accuracy (Naeini et al., 2015)."""
    return float(sum(each.share * abs(each.confidence - each.accuracy) for each in bins))


def accuracy_at_coverage(
    confidences: NDArray[Any], correct: NDArray[Any], coverages: NDArray[Any], weights: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """The accuracy of the most confident answers, for given shares of all answers (El-Yaniv & Wiener, 2010).

    An int8 model gives many answers with equal confidence. Where the share divides such a group, each answer of the
    group counts in proportion.

    Args:
        confidences, correct, weights: as in `reliability`.
        coverages: shares, above 0 and up to 1, shape (m,).

    Returns:
        Shape (m,).
    """
    weights = np.ones(len(confidences)) if weights is None else weights
    _, numbers = np.unique(-confidences, return_inverse=True)
    given, right = (np.cumsum(np.bincount(numbers, weights * values)) for values in (1, correct))
    wanted = coverages * given[-1]
    return np.asarray(np.interp(wanted, [0, *given], [0, *right]) / wanted)


def label_numbers(names: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    """The position of each name among the labels, shape (n,).

    Raises:
        KeyError: a name is not among the labels.
    """
    positions = {label: number for number, label in enumerate(labels)}
    return np.array([positions[name] for name in names])
