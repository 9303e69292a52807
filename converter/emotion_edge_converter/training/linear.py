"""Trains linear heads: softmax regression with a ridge penalty, solved to the end, so that nothing is random."""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

Array = NDArray[Any]

_ITERATIONS: Final = 300
_TOLERANCE: Final = 1e-6
_SMALLEST_DEVIATION: Final = 1e-3

LIMIT: Final = 2.0
"""The largest distance of a feature from its mean, in deviations. Strangers' features are further away than those in
training: without a limit, some of them outweigh all others."""


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


def fit(
    rows: Array, targets: Array, weights: Array, ridge: float, *, groups: Array | None = None, evenness: float = 0
) -> tuple[Array, Array]:
    """The weights and biases with the smallest loss.

    The loss is the weighted mean cross entropy plus `ridge` / 2 times the sum of squared weights plus `evenness` times
    the variance of the groups' mean cross entropies. The last part prefers what works equally well in every group
    (V-REx; Krueger et al., Out-of-Distribution Generalization via Risk Extrapolation, 2021).

    Args:
        rows: standardised features, shape (n, n_features), float32.
        targets: wanted probabilities, shape (n, n_labels).
        weights: of the rows, shape (n,).
        ridge, evenness: the penalties.
        groups: number of each row's group, from 0, shape (n,); None for a single group.

    Returns:
        Weights, shape (n_features, n_labels), and biases, shape (n_labels,), float32.
    """
    n_features, n_labels = rows.shape[1], targets.shape[1]
    targets = np.asarray(targets, np.float32)
    shares = np.asarray(weights / weights.sum(), np.float32)
    groups = np.zeros(len(rows), int) if groups is None else groups
    group_shares = np.bincount(groups, shares)

    def loss(parameters: Array) -> tuple[float, Array]:
        kernel = parameters[:-n_labels].reshape(n_features, n_labels).astype(np.float32)
        answers = log_softmax(rows @ kernel + parameters[-n_labels:].astype(np.float32), axis=1)
        entropies = np.bincount(groups, -(targets * answers).sum(axis=1) * shares) / group_shares
        mean = group_shares @ entropies
        above = entropies - mean
        value = mean + evenness * group_shares @ np.square(above) + ridge / 2 * float(np.square(kernel).sum())
        scales = shares * (1 + 2 * evenness * above).astype(np.float32)[groups]
        error = (np.exp(answers) - targets) * scales[:, np.newaxis]
        gradient = rows.T @ error + np.float32(ridge) * kernel
        return float(value), np.concatenate([gradient.ravel(), error.sum(axis=0)]).astype(np.float64)

    start = np.zeros(n_features * n_labels + n_labels)
    options = {"maxiter": _ITERATIONS, "ftol": _TOLERANCE * 1e-3, "gtol": _TOLERANCE, "maxcor": 20}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x.astype(np.float32)
    return found[:-n_labels].reshape(n_features, n_labels), found[-n_labels:]


def limited(rows: Array) -> Array:
    """Standardised features that are at most `LIMIT` deviations from the mean."""
    return np.asarray(np.clip(rows, -LIMIT, LIMIT), np.float32)


def as_keras(mean: Array, deviation: Array, kernel: Array, bias: Array, name: str) -> keras.Model:
    """The head as a Keras model: raw features to probabilities.

    Args:
        mean, deviation: of the raw features.
        kernel, bias: for `limited` features.
        name: of the model.
    """
    # The features are in units of the limit, because TFLite has an operator that limits numbers to 1.
    normalisation = keras.layers.Normalization(mean=mean, variance=np.square(LIMIT * deviation))
    limit = keras.layers.Activation("hard_tanh")
    dense = keras.layers.Dense(len(bias), activation="softmax")
    model = keras.Sequential([keras.Input((len(mean),)), normalisation, limit, dense], name=name)
    dense.set_weights([LIMIT * kernel, bias])
    return model
