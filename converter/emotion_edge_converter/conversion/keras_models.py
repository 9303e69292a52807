"""Loads Keras models, and reduces dense classifiers to what a device needs."""

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
    keras.layers.Flatten,  # no effect on a vector
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
_SAME: Final = 1e-4  # largest allowed change of a probability after rebuilding, in float32


def load_keras(path: Path) -> keras.Model:
    """Load a model saved by Keras 3 (`.keras`, `.h5`) or Keras 2 (`.h5`).

    Raises:
        ConversionError: there is no such file, or it cannot be loaded.
    """
    if not path.is_file():
        raise ConversionError(
            f"no Keras model at {path}" + (": save the SavedModel folder as .keras first" if path.is_dir() else "")
        )
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras, h5py and zipfile raise many types
        reason = str(error).strip().splitlines()
        raise ConversionError(
            f"{path} cannot be loaded as a Keras model: {reason[0] if reason else type(error).__name__}"
        ) from error


def save_keras(model: keras.Model, path: Path) -> None:
    """Write a model as `.keras`, completely or not at all.

    Raises:
        EmotionEdgeError: the file cannot be written.
    """
    with replacing(path) as temporary:
        model.save(temporary)


def probabilities(model: keras.Model, features: Array) -> Array:
    """The probabilities of the full model, (n, n_labels), for raw features, (n, n_features).

    Softmax is applied to logits. A single sigmoid output is the probability of the second of two labels.
    """
    answers = np.asarray(model(np.asarray(features, np.float32), training=False))
    last = _chain(model)[-1]
    if _is_binary(last):
        return np.concatenate([1 - answers, answers], axis=1)
    return answers if _is_softmax(last) else np.asarray(keras.ops.softmax(answers))


def check_dense_classifier(model: keras.Model, n_features: int, n_labels: int) -> None:
    """Check that the input and output of a model fit its recipe.

    Raises:
        ConversionError: they do not fit.
    """
    if not getattr(model, "inputs", None):
        raise ConversionError("the model has no input shape: start it with keras.Input and save it again")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ConversionError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs, wanted one of each"
        )
    input_shape, output_shape = tuple(model.inputs[0].shape[1:]), tuple(model.outputs[0].shape[1:])
    if len(input_shape) != 1:
        raise ConversionError(
            f"the model expects arrays of shape {input_shape}, not a vector: only dense classifiers can be converted"
        )
    if input_shape != (n_features,):
        raise ConversionError(
            f"the model expects {input_shape[0]} features, but the recipe gives {n_features}: change mfcc.n_mfcc"
        )
    n_answers = 2 if _is_binary(_chain(model)[-1]) else output_shape[-1]
    if n_answers != n_labels:
        raise ConversionError(
            f"the model has {output_shape[-1]} outputs, for {n_answers} labels, but the recipe has {n_labels} labels"
        )


def to_standardised_logits(model: keras.Model, mean: Array, deviation: Array, examples: Array) -> keras.Model:
    """The same classifier for standardised features, with logits as output.

    Leading affine layers (Normalization, BatchNormalization, Rescaling) and the standardisation are folded into the
    first dense layer. If an activation comes before it, these layers must be the same as the standardisation. Dropout
    is removed. The runtime computes the softmax in float.

    Args:
        model: raw features to probabilities.
        mean, deviation: of the standardisation, shape (n_features,).
        examples: raw features, shape (n, n_features), to check that the result gives the same answers.

    Raises:
        ConversionError: the model is not a chain of dense layers that ends in a softmax.
    """
    layers = _without_softmax(_chain(model))
    scale, offset, layers = _leading_affine(layers, len(mean))
    scale, offset = scale * deviation, offset + scale * mean  # from standardised features
    copies = [_copy(layer, f"layer_{number}") for number, layer in enumerate(layers, 1)]
    core = keras.Sequential([keras.Input((len(mean),), name="features"), *copies], name="core")
    for copied, layer in zip(core.layers, layers, strict=True):
        copied.set_weights(_weights(layer) if isinstance(layer, keras.layers.Dense) else layer.get_weights())
    if isinstance(layers[0], keras.layers.Dense):
        kernel, bias = _weights(layers[0])
        core.layers[0].set_weights([kernel * scale[:, None], bias + offset @ kernel])
    elif not np.allclose([scale, offset], [[1], [0]], atol=_SAME):
        raise ConversionError(
            f"the model has a {type(layers[0]).__name__} layer before its first dense one: it can be converted only if "
            "the layers before it are the same as the standardisation in the recipe"
        )
    _check_same(model, probabilities(core, (examples - mean) / deviation), examples)
    return core


@dataclass(frozen=True)
class LastLayers:
    """The last dense layers of a model, with ReLUs between them, as matrices.

    Attributes:
        inputs: the inputs of the first of these layers for n sounds, shape (n, n_inputs).
    """

    inputs: Array
    _layers: Sequence[Any]

    @property
    def weights(self) -> list[Array]:
        """The kernel of each layer, with the bias as last row if it has one, shape (n_inputs or n_inputs + 1,
        n_outputs).
        """
        return [np.vstack([np.asarray(each, np.float64) for each in layer.get_weights()]) for layer in self._layers]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Replace the weights of the model by others of the same shapes."""
        for layer, matrix in zip(self._layers, weights, strict=True):
            n_kernel = layer.kernel.shape[0]
            layer.set_weights([matrix[:n_kernel], *matrix[n_kernel:]])


def last_layers(model: keras.Model, features: Array, most: int) -> LastLayers:
    """The last layers of a model, and their inputs for raw features.

    Args:
        model: raw features to probabilities.
        features: shape (n, n_features).
        most: largest number of layers. There are fewer if anything but a ReLU is between them.

    Raises:
        ConversionError: the model is not a chain of layers that ends in a dense layer and a softmax.
    """
    before = _chain(model)
    if not isinstance(before[-1], keras.layers.Dense) and _is_softmax(before[-1]):
        before.pop()
    last = before.pop()
    if not isinstance(last, keras.layers.Dense) or _activation(last) not in ("linear", "softmax"):
        raise ConversionError(
            f"the model ends in {_activation(last) or type(last).__name__}, wanted a dense layer with one output per "
            "label and a softmax: only such a model can be adapted"
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
    """Run dense layers with ReLUs between them, and return the inputs of each layer and the logits.

    Args:
        inputs: shape (n, n_inputs).
        weights: see `LastLayers.weights`.

    Returns:
        The inputs of each layer, with a column of ones if it has a bias, then the logits, shape (n, n_labels).
    """
    layer_inputs, outputs = [], inputs
    for number, matrix in enumerate(weights):
        outputs = np.maximum(outputs, 0) if number else outputs
        layer_inputs.append(np.hstack([outputs, np.ones((len(outputs), len(matrix) - outputs.shape[1]))]))
        outputs = layer_inputs[-1] @ matrix
    return [*layer_inputs, outputs]


def _chain(model: keras.Model) -> list[Any]:
    """The layers with an effect, in order, including those of nested models."""
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
                f"the model has a {type(layer).__name__} layer ({layer.name}): only chains of {_supported()} can be "
                "converted"
            )
    if not any(isinstance(layer, keras.layers.Dense) for layer in chain):
        raise ConversionError("the model has no dense layer: only dense classifiers can be converted")
    return chain


def _supported() -> str:
    kinds = {*_KEPT, *_AFFINE, keras.layers.Dropout, keras.layers.Softmax}
    return ", ".join(sorted(kind.__name__ for kind in kinds))


def _is_softmax(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Softmax) or _activation(layer) == "softmax"


def _is_binary(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Dense) and layer.units == 1 and _activation(layer) == "sigmoid"


def _without_softmax(layers: Sequence[Any]) -> list[Any]:
    """The chain up to its logits. A model that ends in a dense layer without activation already gives logits."""
    *rest, last = layers
    if not isinstance(last, keras.layers.Dense):
        if _is_softmax(last) and rest:
            return rest
    elif _activation(last) == "linear":
        return list(layers)
    elif _is_softmax(last):
        return [*rest, _linear(*_weights(last))]
    elif _is_binary(last):  # sigmoid(x) is the second value of softmax(-x / 2, x / 2)
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
    """Scale and offset of the first layers, which compute x * scale + offset; and the other layers."""
    scale, offset = np.ones(n_features), np.zeros(n_features)
    for number, layer in enumerate(layers):
        if not isinstance(layer, _AFFINE):
            return scale, offset, list(layers[number:])
        layer_scale, layer_offset = _affine(layer)
        scale, offset = scale * layer_scale, offset * layer_scale + layer_offset
    raise AssertionError("_chain found a dense layer")


def _affine(layer: Any) -> tuple[Array, Array]:
    """The scale and offset of an affine layer, in float64: in float32 they would cancel out."""
    if isinstance(layer, keras.layers.Rescaling):
        return np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)
    if isinstance(layer, keras.layers.Normalization):
        if layer.invert:
            raise ConversionError("the model starts with an inverted Normalization: it cannot be converted")
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
    """A layer of the same kind. The name is given, because Keras would number it by the layers created before."""
    config = layer.get_config() | {"name": name}
    if isinstance(layer, keras.layers.Dense):
        config["use_bias"] = True
    return type(layer).from_config(config)


def _activation(layer: Any) -> str:
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _check_same(model: keras.Model, rebuilt: Array, examples: Array) -> None:
    """Check that a model is a plain chain of layers.

    A model with branches or shared layers looks like a chain in its list of layers, but gives other answers.

    Args:
        model: the complete model.
        rebuilt: the probabilities that the rebuilt layers give for the examples, shape (n, n_labels).
        examples: raw features, shape (n, n_features).

    Raises:
        ConversionError: the answers differ.
    """
    difference = float(np.abs(rebuilt - probabilities(model, examples)).max())
    if not difference <= _SAME:
        raise ConversionError(
            f"the model is not a plain chain of dense layers: rebuilt as one, its answers differ by {difference:.3g}"
        )
