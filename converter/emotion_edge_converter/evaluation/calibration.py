"""Calibrates confidence: the temperature of a model, and the threshold below which an answer is uncertain."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Array = NDArray[Any]

PRECISION: Final = 0.7
"""The threshold is chosen so that this share of the answers above it is right."""

_TEMPERATURES: Final = (0.2, 5.0)
_SURE_AT_LEAST: Final = 0.1  # share of all answers; fewer would not give a reliable precision


def temperature(logits: Array, targets: Array, weights: Array) -> float:
    """The divisor of logits that gives the targets the highest probabilities (Guo et al., 2017).

    Args:
        logits: for recordings that the model was not trained on, shape (n, n_labels).
        targets: label numbers, shape (n,).
        weights: weight of each recording, shape (n,).
    """

    def loss(logarithm: float) -> float:
        log_probabilities = log_softmax(logits / np.exp(logarithm), axis=1)
        return -float(np.average(log_probabilities[np.arange(len(targets)), targets], weights=weights))

    bounds = tuple(np.log(_TEMPERATURES))
    return round(float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x)), 3)


def uncertain_below(probabilities: Array, targets: Array, weights: Array, *, precision: float = PRECISION) -> float:
    """The lowest threshold of confidence at which the wanted share of the answers above it is right.

    If no threshold reaches that share for at least a tenth of the answers, return the one that leaves a tenth.

    Args:
        probabilities: calibrated, for recordings that the model was not trained on, shape (n, n_labels).
        targets: label numbers, shape (n,).
        weights: weight of each recording, shape (n,).
        precision: the wanted share.
    """
    confidences, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    order = np.argsort(-confidences)
    sure = np.cumsum(weights[order])
    right = np.cumsum((weights * correct)[order])
    enough = np.flatnonzero((right >= precision * sure) & (sure >= _SURE_AT_LEAST * sure[-1]))
    last = enough[-1] if len(enough) else int(np.searchsorted(sure, _SURE_AT_LEAST * sure[-1]))
    return round(float(confidences[order[last]]), 3)
