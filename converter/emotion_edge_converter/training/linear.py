"""Trains linear heads: softmax regression with a ridge penalty, solved to the end, so that nothing is random."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

Array = NDArray[Any]

_ITERATIONS: Final = 300
_TOLERANCE: Final = 1e-6
_SMALLEST_DEVIATION: Final = 1e-3


def standardisation(features: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted mean and standard deviation of features, float32, shape (n_features,) each.

    Args:
        features: shape (n, versions, n_features).
        weights: weight of each recording, shape (n,).
    """
    shares = np.asarray(weights / (weights.sum() * features.shape[1]), np.float32)
    mean = np.einsum("n,nvd->d", shares, features)
    square = sum(
        np.einsum("n,nd->d", shares, np.square(features[:, version] - mean)) for version in range(features.shape[1])
    )
    return mean, np.maximum(np.sqrt(square), _SMALLEST_DEVIATION).astype(np.float32)


def fit(rows: Array, targets: Array, weights: Array, ridge: float) -> tuple[Array, Array]:
    """The weights and biases with the smallest loss.

    The loss is the weighted mean cross entropy plus `ridge` / 2 times the sum of squared weights.

    Args:
        rows: standardised features, shape (n, n_features), float32.
        targets: wanted probabilities, shape (n, n_labels).
        weights: of the rows, shape (n,).
        ridge: the penalty.

    Returns:
        Weights, shape (n_features, n_labels), and biases, shape (n_labels,), float32.
    """
    n_features, n_labels = rows.shape[1], targets.shape[1]
    targets = np.asarray(targets, np.float32)
    shares = np.asarray(weights / weights.sum(), np.float32)[:, np.newaxis]

    def loss(parameters: Array) -> tuple[float, Array]:
        kernel = parameters[:-n_labels].reshape(n_features, n_labels).astype(np.float32)
        answers = log_softmax(rows @ kernel + parameters[-n_labels:].astype(np.float32), axis=1)
        error = (np.exp(answers) - targets) * shares
        value = -float((shares * targets * answers).sum()) + ridge / 2 * float(np.square(kernel).sum())
        gradient = rows.T @ error + np.float32(ridge) * kernel
        return value, np.concatenate([gradient.ravel(), error.sum(axis=0)]).astype(np.float64)

    start = np.zeros(n_features * n_labels + n_labels)
    options = {"maxiter": _ITERATIONS, "ftol": _TOLERANCE * 1e-3, "gtol": _TOLERANCE, "maxcor": 20}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x.astype(np.float32)
    return found[:-n_labels].reshape(n_features, n_labels), found[-n_labels:]
