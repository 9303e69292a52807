"""Anybody's Keras model: loading it, and taking a dense classifier apart into what a device needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ..errors import ConversionError
from ..files import replacing

Array = NDArray[Any]

_WITHOUT_EFFECT: Final = (
    keras.layers.InputLayer,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
    keras.layers.ActivityRegularization,
    keras.layers.Flatten,  # of a vector
)
_AFFINE: Final = (keras.layers.Normalization, keras.layers.BatchNormalization, keras.layers.Rescaling)
_KEPT: Final = (
    keras.layers.Dense,
    keras.layers.BatchNormalization,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.ELU,
)
_SAME: Final = 1e-4  # what rebuilding may change a probability by, in float32


def load_keras(path: Path) -> keras.Model:
    """A model saved by Keras 3 (`.keras`, `.h5`) or Keras 2 (`.h5`).

    Raises:
        ConversionError: there is none, or it cannot be loaded.
    """
    if not path.is_file():
        raise ConversionError(
            f"no Keras model at {path}"
            + (": a SavedModel folder has to be saved as .keras first" if path.is_dir() else "")
        )
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # whatever Keras, h5py or zipfile make of the file
        reason = str(error).strip().splitlines()
        raise ConversionError(
            f"{path} cannot be loaded as a Keras model: {reason[0] if reason else type(error).__name__}"
        ) from error


def save_keras(model: keras.Model, path: Path) -> None:
    """Write a model, whole or not at all, as `.keras`.

    Raises:
        EmotionEdgeError: it cannot be written there.
    """
    with replacing(path) as temporary:
        model.save(temporary)


def probabilities(model: keras.Model, features: Array) -> Array:
    """What the full model says, (n, n_labels), of raw features, (n, n_features).

    Logits get their softmax; one sigmoid output is the probability of the second of two labels.
    """
    answers = np.asarray(model(np.asarray(features, np.float32), training=False))
    last = _chain(model)[-1]
    if _is_binary(last):
        return np.concatenate([1 - answers, answers], axis=1)
    return answers if _is_softmax(last) else np.asarray(keras.ops.softmax(answers))


def check_dense_classifier(model: keras.Model, n_features: int, n_labels: int) -> None:
    """Compare a model's input and output with its recipe.

    Raises:
        ConversionError: they do not fit.
    """
    if not getattr(model, "inputs", None):
        raise ConversionError(
            "the model does not know the shape of its input: begin it with keras.Input and save it again"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ConversionError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs, wanted one of each"
        )
    input_shape, output_shape = tuple(model.inputs[0].shape[1:]), tuple(model.outputs[0].shape[1:])
    if len(input_shape) != 1:
        raise ConversionError(
            f"the model takes arrays of shape {input_shape}, not a vector: only dense classifiers can be converted"
        )
    if input_shape != (n_features,):
        raise ConversionError(
            f"the model takes {input_shape[0]} features, the recipe makes {n_features}: set mfcc.n_mfcc"
        )
    n_answers = 2 if _is_binary(_chain(model)[-1]) else output_shape[-1]
    if n_answers != n_labels:
        raise ConversionError(
            f"the model has {output_shape[-1]} outputs, for {n_answers} labels; the recipe has {n_labels}"
        )


def to_standardised_logits(model: keras.Model, mean: Array, deviation: Array, examples: Array) -> keras.Model:
    """The same classifier for standardised features, without the softmax.

    Affine layers in front (Normalization, BatchNormalization, Rescaling) and the standardisation are folded into the
    first dense layer; dropout goes; the softmax goes to the runtime, where it needs no int8.

    Args:
        model: raw features to probabilities.
        mean, deviation: of the standardisation, shape (n_features,).
        examples: raw features, shape (n, n_features), on which the result is compared with the model.

    Raises:
        ConversionError: it is not a chain of dense layers that ends in a softmax.
    """
    layers = _without_softmax(_chain(model))
    scale, offset, layers = _leading_affine(layers, len(mean))
    kernel, bias = _weights(layers[0])
    scaled = kernel * (scale * deviation)[:, None]
    shifted = bias + (offset + scale * mean) @ kernel
    copies = [_copy(layer, f"layer_{number}") for number, layer in enumerate(layers, 1)]
    core = keras.Sequential([keras.Input((len(mean),), name="features"), *copies], name="core")
    for copied, layer in zip(core.layers, layers, strict=True):
        copied.set_weights(_weights(layer) if isinstance(layer, keras.layers.Dense) else layer.get_weights())
    core.layers[0].set_weights([scaled, shifted])
    _check_same(model, probabilities(core, (examples - mean) / deviation), examples)
    return core


@dataclass(frozen=True)
class LastLayers:
    """The dense layers that a model ends in, ReLUs between them, as matrices.

    Attributes:
        inputs: what reaches the first of them of some sounds, shape (n, n_inputs).
    """

    inputs: Array
    _layers: Sequence[Any]

    @property
    def weights(self) -> list[Array]:
        """Of each its kernel, and its bias below where it has one, shape (n_inputs or n_inputs + 1, n_outputs)."""
        return [np.vstack([np.asarray(each, np.float64) for each in layer.get_weights()]) for layer in self._layers]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Give the model others, of the same shapes."""
        for layer, matrix in zip(self._layers, weights, strict=True):
            n_kernel = layer.kernel.shape[0]
            layer.set_weights([matrix[:n_kernel], *matrix[n_kernel:]])


def last_layers(model: keras.Model, features: Array, most: int) -> LastLayers:
    """The last layers of a model, and what reaches them of raw features, shape (n, n_features).

    Args:
        model: raw features to probabilities.
        features: of some sounds.
        most: how many; fewer where something else than a ReLU lies between them.

    Raises:
        ConversionError: the model is no chain of layers that ends in a dense one and a softmax.
    """
    before = _chain(model)
    if not isinstance(before[-1], keras.layers.Dense) and _is_softmax(before[-1]):
        before.pop()
    last = before.pop()
    if not isinstance(last, keras.layers.Dense) or _activation(last) not in ("linear", "softmax"):
        raise ConversionError(
            f"the model ends in {_activation(last) or type(last).__name__}, wanted a dense layer with an output a label, and "
            "a softmax: only such a model can be adapted"
        )
    layers = [last]
    while len(layers) < most and before and _activation(before[-1]) == "relu":
        if not isinstance(before[-1], keras.layers.Dense):
            break
        layers.insert(0, before.pop())
    inputs = np.asarray(features, np.float32)
    for layer in before:
        inputs = layer(inputs, training=False)
    found = LastLayers(np.asarray(inputs, np.float64), layers)
    _check_same(model, softmax(passed(found.inputs, found.weights)[-1], axis=1), features)
    return found


def passed(inputs: Array, weights: Sequence[Array]) -> list[Array]:
    """What goes into each of some dense layers with ReLUs between them, and in the end the logits.

    Args:
        inputs: shape (n, n_inputs).
        weights: as `LastLayers` has them.

    Returns:
        Of each layer its inputs, a column of ones with them where it has a bias; then the logits, shape (n, n_labels).
    """
    several, outputs = [], inputs
    for number, matrix in enumerate(weights):
        outputs = np.maximum(outputs, 0) if number else outputs
        several.append(np.hstack([outputs, np.ones((len(outputs), len(matrix) - outputs.shape[1]))]))
        outputs = several[-1] @ matrix
    return [*several, outputs]


def _chain(model: keras.Model) -> list[Any]:
    """The layers with an effect, in order; a model inside the model is opened."""
    chain: list[Any] = []
    for layer in model.layers:
        if isinstance(layer, _WITHOUT_EFFECT):
            continue
        if isinstance(layer, keras.Model):
            chain += _chain(layer)
        elif isinstance(layer, (*_AFFINE, *_KEPT, keras.layers.Softmax)):
            chain.append(layer)
        else:
            raise ConversionError(
                f"the model has a {type(layer).__name__} layer ({layer.name}): only chains of {_known()} can be converted"
            )
    if not any(isinstance(layer, keras.layers.Dense) for layer in chain):
        raise ConversionError("the model has no dense layer: only dense classifiers can be converted")
    return chain


def _known() -> str:
    kinds = {*_KEPT, *_AFFINE, keras.layers.Dropout, keras.layers.Softmax}
    return ", ".join(sorted(kind.__name__ for kind in kinds))


def _is_softmax(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Softmax) or _activation(layer) == "softmax"


def _is_binary(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Dense) and layer.units == 1 and _activation(layer) == "sigmoid"


def _without_softmax(layers: Sequence[Any]) -> list[Any]:
    """The chain up to its logits. A model that ends in a dense layer without activation gives logits already."""
    *rest, last = layers
    if not isinstance(last, keras.layers.Dense):
        if _is_softmax(last) and rest:
            return rest
    elif _activation(last) == "linear":
        return list(layers)
    elif _is_softmax(last):
        return [*rest, _linear(*_weights(last))]
    elif _is_binary(last):  # sigmoid(x) is the second softmax of (-x / 2, x / 2)
        kernel, bias = _weights(last)
        halves = np.array([[-0.5, 0.5]])
        return [*rest, _linear(kernel @ halves, bias @ halves)]
    raise ConversionError(
        f"the model ends in {_activation(last) or type(last).__name__}, wanted a softmax over the labels"
    )


def _linear(kernel: Array, bias: Array) -> Any:
    layer = keras.layers.Dense(kernel.shape[1])
    layer.build((None, kernel.shape[0]))
    layer.set_weights([kernel, bias])
    return layer


def _leading_affine(layers: Sequence[Any], n_features: int) -> tuple[Array, Array, list[Any]]:
    """What the layers before the first dense one do to features: x * scale + offset; and the layers from there on."""
    scale, offset = np.ones(n_features), np.zeros(n_features)
    for number, layer in enumerate(layers):
        if isinstance(layer, keras.layers.Dense):
            return scale, offset, list(layers[number:])
        if not isinstance(layer, _AFFINE):
            raise ConversionError(
                f"the model has a {type(layer).__name__} layer before its first dense one: it cannot be converted"
            )
        layer_scale, layer_offset = _affine(layer)
        scale, offset = scale * layer_scale, offset * layer_scale + layer_offset
    raise AssertionError("_chain has found a dense layer")


def _affine(layer: Any) -> tuple[Array, Array]:
    """The scale and offset of a layer that does no more, in float64: through float32 they would cancel out."""
    if isinstance(layer, keras.layers.Rescaling):
        return np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)
    if isinstance(layer, keras.layers.Normalization):
        if layer.invert:
            raise ConversionError("the model begins with an inverted Normalization: it cannot be converted")
        mean, variance = np.ravel(layer.mean).astype(np.float64), np.ravel(layer.variance).astype(np.float64)
        scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
        return scale, -mean * scale
    variance = np.asarray(layer.moving_variance, np.float64)
    scale = (np.asarray(layer.gamma, np.float64) if layer.scale else 1.0) / np.sqrt(variance + layer.epsilon)
    shift = np.asarray(layer.beta, np.float64) if layer.center else 0.0
    return scale, shift - np.asarray(layer.moving_mean, np.float64) * scale


def _weights(layer: Any) -> tuple[Array, Array]:
    kernel = np.asarray(layer.kernel, np.float64)
    return kernel, np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(kernel.shape[1])


def _copy(layer: Any, name: str) -> Any:
    """A layer of the same kind. Without a name of ours, files would differ by how many layers were made before."""
    config = layer.get_config() | {"name": name}
    if isinstance(layer, keras.layers.Dense):
        config["use_bias"] = True
    return type(layer).from_config(config)


def _activation(layer: Any) -> str:
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _check_same(model: keras.Model, rebuilt: Array, examples: Array) -> None:
    """A model that branches or shares layers looks like a chain in its list of layers, but does not answer like one.

    Args:
        model: the whole one.
        rebuilt: the probabilities of the examples by what was made of its layers, shape (n, n_labels).
        examples: raw features, shape (n, n_features).
    """
    difference = float(np.abs(rebuilt - probabilities(model, examples)).max())
    if not difference <= _SAME:
        raise ConversionError(
            f"the model is not a plain chain of dense layers: taken apart, it answers differently (by {difference:.3g})"
        )
