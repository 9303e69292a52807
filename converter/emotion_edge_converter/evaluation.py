"""How good a model is, in the figures of the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(actual: NDArray[Any], predicted: NDArray[Any], n_labels: int) -> NDArray[np.int64]:
    """Counts, rows actual, columns predicted, shape (n_labels, n_labels), of label numbers of shape (n,)."""
    matrix = np.zeros((n_labels, n_labels), np.int64)
    np.add.at(matrix, (actual, predicted), 1)
    return matrix


def accuracy(matrix: NDArray[Any]) -> float:
    """The share on the diagonal of a confusion matrix."""
    return float(np.trace(matrix) / matrix.sum())


def uar(matrix: NDArray[Any]) -> float:
    """The unweighted average recall of a confusion matrix: the mean of the recalls of the labels that occur."""
    counts = matrix.sum(axis=1)
    return float(np.mean(np.diag(matrix)[counts > 0] / counts[counts > 0]))


def label_numbers(names: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    """The position of each name among the labels."""
    positions = {label: number for number, label in enumerate(labels)}
    return np.array([positions[name] for name in names])
