"""Anybody's Keras model: loading it, and taking a dense classifier apart into what a device needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from .errors import ConversionError

Array = NDArray[Any]

_WITHOUT_EFFECT: Final = (
    keras.layers.InputLayer,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
    keras.layers.ActivityRegularization,
)
_AFFINE: Final = (keras.layers.Normalization, keras.layers.BatchNormalization, keras.layers.Rescaling)
_KEPT: Final = (
    keras.layers.Dense,
    keras.layers.BatchNormalization,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
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
        ) from None


def probabilities(model: keras.Model, features: Array) -> Array:
    """What the full model says, (n, n_labels), of raw features, (n, n_features); logits get their softmax."""
    answers = model(np.asarray(features, np.float32), training=False)
    return np.asarray(answers if _is_softmax(_chain(model)[-1]) else keras.ops.softmax(answers))


def check_dense_classifier(model: keras.Model, n_features: int, n_labels: int) -> None:
    """Compare a model's input and output with its recipe.

    Raises:
        ConversionError: they do not fit.
    """
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
    if output_shape != (n_labels,):
        raise ConversionError(f"the model has {output_shape[-1]} outputs, the recipe has {n_labels} labels")


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
    core = keras.Sequential([keras.Input((len(mean),)), *(_copy(layer) for layer in layers)])
    for copied, layer in zip(core.layers, layers, strict=True):
        copied.set_weights(_weights(layer) if isinstance(layer, keras.layers.Dense) else layer.get_weights())
    core.layers[0].set_weights([scaled, shifted])
    _check_same(model, core, mean, deviation, examples)
    return core


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
                f"the model has a {type(layer).__name__} layer ({layer.name}): only dense classifiers can be converted"
            )
    if not any(isinstance(layer, keras.layers.Dense) for layer in chain):
        raise ConversionError("the model has no dense layer: only dense classifiers can be converted")
    return chain


def _is_softmax(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Softmax) or _activation(layer) == "softmax"


def _without_softmax(layers: Sequence[Any]) -> list[Any]:
    """The chain up to its logits. A model that ends in a dense layer without activation gives logits already."""
    *rest, last = layers
    if not isinstance(last, keras.layers.Dense):
        if _is_softmax(last) and rest:
            return rest
    elif _activation(last) == "linear":
        return list(layers)
    elif _is_softmax(last):
        linear = _copy(last, activation="linear")
        linear.build(last.kernel.shape[:1])
        linear.set_weights(_weights(last))
        return [*rest, linear]
    raise ConversionError(
        f"the model ends in {_activation(last) or type(last).__name__}, wanted a softmax over the labels"
    )


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
        low, high = (
            np.asarray(layer(np.full((1, n_features), value, np.float32)), np.float64)[0] for value in (-1e3, 1e3)
        )
        layer_scale, layer_offset = (high - low) / 2e3, (high + low) / 2
        scale, offset = scale * layer_scale, offset * layer_scale + layer_offset
    raise AssertionError("_chain has found a dense layer")


def _weights(layer: Any) -> tuple[Array, Array]:
    kernel = np.asarray(layer.kernel, np.float64)
    return kernel, np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(kernel.shape[1])


def _copy(layer: Any, **changes: Any) -> Any:
    config = {**layer.get_config(), **changes}
    config.pop("name", None)
    if isinstance(layer, keras.layers.Dense):
        config["use_bias"] = True
    return type(layer).from_config(config)


def _activation(layer: Any) -> str:
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _check_same(model: keras.Model, core: keras.Model, mean: Array, deviation: Array, examples: Array) -> None:
    """A model that branches or shares layers looks like a chain in its list of layers, but does not answer like one."""
    rebuilt = probabilities(core, (examples - mean) / deviation)
    difference = float(np.abs(rebuilt - probabilities(model, examples)).max())
    if not difference <= _SAME:
        raise ConversionError(
            f"the model is not a plain chain of dense layers: taken apart, it answers differently (by {difference:.3g})"
        )
