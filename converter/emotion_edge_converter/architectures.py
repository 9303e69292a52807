"""The five multilayer perceptrons of the study."""

from __future__ import annotations

from typing import Any, Final

import keras

from .settings import ARCHITECTURES

_DROPOUT: Final = 0.2

# Widths of the hidden layers, None for the number of MFCCs, and whether dropout follows each. Model 5 has "two hidden
# layers of that number": of MFCCs, since its scores rise with that number as model 2's do.
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
        n_labels: length of the output.
        normalisation: an adapted keras.layers.Normalization. The original had none; without it the first
            coefficient, a hundred times wider than the last, rules the training.
    """
    widths, dropout = _HIDDEN[name]
    layers: list[Any] = [keras.Input((n_features,)), normalisation]
    for width in widths:
        layers.append(keras.layers.Dense(width or n_features, activation="relu"))
        if dropout:
            layers.append(keras.layers.Dropout(_DROPOUT))
    layers.append(keras.layers.Dense(n_labels, activation="softmax"))
    return keras.Sequential(layers, name=name.replace("-", "_"))
