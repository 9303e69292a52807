"""Trains networks with one hidden layer on limited features."""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from . import fitting

Array = NDArray[Any]

LIMIT: Final = 2.0
"""The largest distance of a feature from its mean, in deviations. Strangers' features are further away than those in
training: without a limit, some of them outweigh all others."""

_UNITS: Final = 128
_INPUT_DROPOUT: Final = 0.2
_DROPOUT: Final = 0.4
_BATCH_SIZE: Final = 256
_EPOCHS: Final = 6
_FEWEST_STEPS, _MOST_EPOCHS = 300, 30  # so that few recordings are seen often enough


def limited(rows: Array) -> Array:
    """Standardised features that are at most `LIMIT` deviations from the mean."""
    return np.asarray(np.clip(rows, -LIMIT, LIMIT), np.float32)


def fit(rows: Array, targets: Array, weights: Array, *, seed: int) -> keras.Model:
    """Train on limited features. The same seed gives the same weights.

    Args:
        rows: shape (n, n_features), float32.
        targets: wanted probabilities, shape (n, n_labels).
        weights: of the rows, shape (n,).
        seed: random seed for weights, dropout and the order of batches.

    Returns:
        The network: limited features to probabilities.
    """
    fitting.make_repeatable(seed)
    network = keras.Sequential(
        [
            keras.Input((rows.shape[1],)),
            keras.layers.Dropout(_INPUT_DROPOUT),
            keras.layers.Dense(_UNITS, activation="relu"),
            keras.layers.Dropout(_DROPOUT),
            keras.layers.Dense(targets.shape[1], activation="softmax"),
        ]
    )
    steps = fitting.n_batches(len(rows), _BATCH_SIZE)
    epochs = max(_EPOCHS, min(_MOST_EPOCHS, -(-_FEWEST_STEPS // steps)))
    fitting.anneal(network, "categorical_crossentropy", n_rows=len(rows), batch_size=_BATCH_SIZE, epochs=epochs)
    shares = np.asarray(weights / weights.mean(), np.float32)
    network.fit(rows, targets, sample_weight=shares, batch_size=_BATCH_SIZE, epochs=epochs, verbose=0)
    return network


def complete(network: keras.Model, mean: Array, deviation: Array, n_labels: int, name: str) -> keras.Model:
    """The network with everything before it: raw features to probabilities of the first labels.

    Args:
        network: as `fit` returns it.
        mean, deviation: of the raw features, shape (n_features,).
        n_labels: the other labels are removed.
        name: of the model.
    """
    (kernel, bias), (last_kernel, last_bias) = (each.get_weights() for each in network.layers if each.get_weights())
    # The features are in units of the limit, because TFLite has an operator that limits numbers to 1.
    model = keras.Sequential(
        [
            keras.Input((len(mean),)),
            keras.layers.Normalization(mean=mean, variance=np.square(LIMIT * deviation)),
            keras.layers.Activation("hard_tanh"),
            keras.layers.Dense(len(bias), activation="relu"),
            keras.layers.Dense(n_labels, activation="softmax"),
        ],
        name=name,
    )
    hidden, last = model.layers[-2:]
    hidden.set_weights([LIMIT * kernel, bias])
    last.set_weights([last_kernel[:, :n_labels], last_bias[:n_labels]])
    return model
