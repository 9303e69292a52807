"""The encoder in Keras: stem and first block of Whisper, log-mel frames to vectors of 384 numbers.

The small encoder is measured against this one.

Radford et al. (2022), "Robust speech recognition via large-scale weak supervision". MIT licence,
Copyright (c) 2022 OpenAI.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from .weights import N_MELS, WIDTH

Array = NDArray[Any]

N_HEADS: Final = 6
EPSILON: Final = 1e-5
DENSE: Final = ("query_key_value", "attention_out", "mlp_in", "mlp_out")


def positions(n: int) -> Array:
    """The encoding of positions: sines, then cosines, of t * exp(-i * ln(10000) / 191); shape (n, 384), float32."""
    half = WIDTH // 2
    angles = np.arange(n)[:, np.newaxis] * np.exp(-np.arange(half) * np.log(10000) / (half - 1))
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


class Positions(layers.Layer):  # type: ignore[misc]
    """Adds the encoding of its position to each frame."""

    def __init__(self, longest: int, **options: Any) -> None:
        super().__init__(**options)
        self.longest = longest

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight(shape=(self.longest, WIDTH), trainable=False, initializer="zeros", name="table")
        self.table.assign(positions(self.longest))

    def call(self, x: Any) -> Any:
        return x + self.table[: ops.shape(x)[1]]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "longest": self.longest}


class Attention(layers.Layer):  # type: ignore[misc]
    """Six heads of 64, of queries, keys and values side by side."""

    def call(self, x: Any) -> Any:
        query, key, value = (self._heads(part) for part in ops.split(x, 3, axis=-1))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / (WIDTH // N_HEADS) ** 0.5
        mixed = ops.transpose(ops.matmul(ops.softmax(scores), value), (0, 2, 1, 3))
        return ops.reshape(mixed, (*ops.shape(x)[:-1], WIDTH))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], WIDTH)

    def _heads(self, x: Any) -> Any:
        batch, n, _ = ops.shape(x)
        return ops.transpose(ops.reshape(x, (batch, n, N_HEADS, WIDTH // N_HEADS)), (0, 2, 1, 3))


def build(weights: Mapping[str, Array], *, longest: int = 1500) -> keras.Model:
    """The model: (batch, n, 80) log-mel frames, 100 a second, to (batch, ceil(n / 2), 384).

    Args:
        weights: as `weights.read` gives them.
        longest: output frames at most.
    """
    sound = keras.Input((None, N_MELS), name="log_mel")
    x = sound
    for name, strides in (("conv1", 1), ("conv2", 2)):
        padded = layers.ZeroPadding1D(1)(x)
        x = layers.Activation(_gelu)(layers.Conv1D(WIDTH, 3, strides=strides, name=name)(padded))
    x = Positions(longest, name="positions")(x)
    normal = layers.LayerNormalization(epsilon=EPSILON, name="attention_norm")(x)
    x = x + layers.Dense(WIDTH, name="attention_out")(
        Attention()(layers.Dense(3 * WIDTH, name="query_key_value")(normal))
    )
    normal = layers.LayerNormalization(epsilon=EPSILON, name="mlp_norm")(x)
    wide = layers.Activation(_gelu)(layers.Dense(4 * WIDTH, name="mlp_in")(normal))
    model = keras.Model(sound, x + layers.Dense(WIDTH, name="mlp_out")(wide), name="voice_encoder")
    for name in ("conv1", "conv2"):
        model.get_layer(name).set_weights([weights[f"{name}.weight"].transpose(2, 1, 0), weights[f"{name}.bias"]])
    for name in ("attention_norm", "mlp_norm"):
        model.get_layer(name).set_weights([weights[f"block0.{name}.gamma"], weights[f"block0.{name}.beta"]])
    for name in DENSE:
        model.get_layer(name).set_weights([weights[f"block0.{name}.weight"].T, weights[f"block0.{name}.bias"]])
    return model


def _gelu(x: Any) -> Any:
    return ops.gelu(x, approximate=False)


def layer_inputs(model: keras.Model, log_mel: Array) -> dict[str, Array]:
    """What goes into each matrix for one recording, (n, 80): layer's name to (frames, inputs), float32.

    The inputs of a convolution are its three frames side by side, as the small graph has them.
    """
    wanted = keras.Model(model.input, {name: model.get_layer(name).input for name in ("conv1", "conv2", *DENSE)})
    found = {name: np.asarray(values)[0] for name, values in wanted(log_mel[np.newaxis]).items()}
    for name, stride in (("conv1", 1), ("conv2", 2)):
        padded = found[name]
        taps = [padded[tap : len(padded) - 2 + tap : stride] for tap in range(3)]
        found[name] = np.concatenate(taps, axis=1)
    return found
