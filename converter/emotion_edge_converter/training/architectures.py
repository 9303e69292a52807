"""Untrained multilayer perceptrons: the five of the study, and strongly regularised ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import keras
from numpy.typing import NDArray

from ..settings import ARCHITECTURES

_DROPOUT: Final = 0.2

# Widths of the hidden layers, with None for the number of MFCCs, and whether dropout follows each layer. The study
# gives model 5 "two hidden layers of that number". The number of MFCCs is meant, since its scores rise with it like
# model 2's.
_HIDDEN: Final[dict[str, tuple[tuple[int | None, ...], bool]]] = dict(
    zip(
        ARCHITECTURES,
        (
            ((2,), False),
            ((None,), True),
            ((128,), True),
            ((256,), True),
            ((None, None), True),
        ),
        strict=True,
    )
)


def build(name: str, n_features: int, n_labels: int, normalisation: Any) -> keras.Model:
    """An untrained model: normalisation, hidden layers with ReLU, dropout, softmax.

    Args:
        name: one of `settings.ARCHITECTURES`.
        n_features: length of the input vector.
        n_labels: length of the output vector.
        normalisation: an adapted keras.layers.Normalization. The original study had none. Without it the first
            coefficient, whose range is a hundred times that of the last, dominates the training.
    """
    widths, dropout = _HIDDEN[name]
    layers: list[Any] = [keras.Input((n_features,)), normalisation]
    for width in widths:
        layers.append(keras.layers.Dense(width or n_features, activation="relu"))
        if dropout:
            layers.append(keras.layers.Dropout(_DROPOUT))
    layers.append(keras.layers.Dense(n_labels, activation="softmax"))
    return keras.Sequential(layers, name=name.replace("-", "_"))


def regularised(
    features: NDArray[Any],
    hidden: Sequence[int],
    n_labels: int,
    *,
    noise: float,
    dropout: float,
    weight_decay: float,
    output_weight_decay: float = 0.0,
    name: str | None = None,
) -> keras.Model:
    """An untrained model: normalisation, noise, hidden layers with ReLU and dropout, softmax.

    Args:
        features: raw, shape (n, n_features). The normalisation uses their mean and standard deviation.
        hidden: widths of the hidden layers.
        n_labels: length of the output vector.
        noise: standard deviation of the noise added in training, as a multiple of a feature's standard deviation.
        dropout: the share of each hidden layer that is dropped in training.
        weight_decay: L2 penalty on the weights of the hidden layers.
        output_weight_decay: L2 penalty on the weights of the last layer.
        name: name of the model. With None, Keras chooses one.
    """
    normalisation = keras.layers.Normalization()
    normalisation.adapt(features)
    layers: list[Any] = [keras.Input((features.shape[1],)), normalisation, keras.layers.GaussianNoise(noise)]
    for width in hidden:
        decay = keras.regularizers.L2(weight_decay)
        layers.append(keras.layers.Dense(width, activation="relu", kernel_regularizer=decay))
        layers.append(keras.layers.Dropout(dropout))
    decay = keras.regularizers.L2(output_weight_decay) if output_weight_decay else None
    layers.append(keras.layers.Dense(n_labels, activation="softmax", kernel_regularizer=decay))
    return keras.Sequential(layers, name=name)
