"""Confidence that means what it says: the temperature of a model and the threshold below which it is uncertain."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Array = NDArray[Any]

PRECISION: Final = 0.8
"""The share of sure answers that the threshold is set to have right."""

_TEMPERATURES: Final = (0.2, 5.0)
_SURE_AT_LEAST: Final = 0.1  # of all answers; fewer tell no precision


def temperature(logits: Array, targets: Array, weights: Array) -> float:
    """By what to divide logits so that the probabilities of the targets are highest (Guo et al., 2017).

    Args:
        logits: of recordings that the model was not trained on, shape (n, n_labels).
        targets: label numbers, shape (n,).
        weights: what each counts, shape (n,).
    """

    def loss(logarithm: float) -> float:
        log_probabilities = log_softmax(logits / np.exp(logarithm), axis=1)
        return -float(np.average(log_probabilities[np.arange(len(targets)), targets], weights=weights))

    bounds = tuple(np.log(_TEMPERATURES))
    return round(float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x)), 3)


def uncertain_below(probabilities: Array, targets: Array, weights: Array, *, precision: float = PRECISION) -> float:
    """The lowest threshold of confidence at which so large a share of the answers above it is right.

    Where no threshold gives it to a tenth of the answers or more, the one that leaves that tenth.

    Args:
        probabilities: calibrated, of recordings that the model was not trained on, shape (n, n_labels).
        targets: label numbers, shape (n,).
        weights: what each counts, shape (n,).
        precision: the share wanted.
    """
    confidences, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    order = np.argsort(-confidences)
    sure = np.cumsum(weights[order])
    right = np.cumsum((weights * correct)[order])
    enough = np.flatnonzero((right >= precision * sure) & (sure >= _SURE_AT_LEAST * sure[-1]))
    last = enough[-1] if len(enough) else int(np.searchsorted(sure, _SURE_AT_LEAST * sure[-1]))
    return round(float(confidences[order[last]]), 3)
