"""Converts a Keras model into the bytes of a model file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from emotion_edge.model.recipe import ModelRecipe, Standardisation

from ..errors import ConversionError
from ..quiet import silent_stderr
from .keras_models import check_dense_classifier, to_standardised_logits
from .model_file import embed

Array = NDArray[Any]

# The features of new speakers are further from the mean than those of the calibration recordings. With int8 ranges from
# TESS alone, tess-mlp saturated on EmoDB, which was not in its training data: agreement with Keras 0.968, probabilities
# different by up to 0.57. With examples scaled by 1.5 this was 0.996 and 0.10. With 2 it was worse (0.986 and 0.12),
# because the quantisation steps grow with the range.
_RANGE_MARGIN: Final = 1.5

# For a feature that never changes: Keras's Normalization divides by the same value. With 1 instead, the weights of this
# feature would be ten million times larger than all others, and the int8 range could not represent the others.
_LEAST_DEVIATION: Final = 1e-7


def convert(model: keras.Model, recipe: ModelRecipe, features: Array, variant: str = "int8") -> bytes:
    """A `.tflite` file that carries its recipe.

    Args:
        model: a dense classifier of raw pooled features.
        recipe: the recipe to embed. If it has no standardisation, the mean and deviation of `features` are used.
        features: features of representative sounds, shape (n, n_features). They also set the int8 ranges.
        variant: one of `settings.VARIANTS`.

    Raises:
        ConversionError: the model does not fit the recipe, is not a dense classifier, or cannot be expressed in TFLite.
    """
    check_dense_classifier(model, recipe.n_features, len(recipe.labels))
    standardisation = recipe.standardisation or _standardisation(features)
    mean, deviation = (np.array(each, np.float32) for each in (standardisation.mean, standardisation.deviation))
    core = to_standardised_logits(model, mean, deviation, features)
    tflite = _to_tflite(core, (features - mean) / deviation, variant)
    return embed(tflite, recipe.replace(standardisation=standardisation))


def draw_features(recipe: ModelRecipe, n: int, *, seed: int) -> Array:
    """Random features that replace the training data if it is not available, shape (n, n_features).

    They are drawn from normal distributions with the mean and the deviation of each feature in the recipe. For models
    adapted from tess-mlp, int8 ranges from the clips of the voice and 500 draws were as good as ranges from the clips
    and 500 recordings of TESS itself: agreement with Keras on TESS was 0.996 and 0.994, on four other corpora 0.984 to
    0.990 and 0.979 to 0.987.
    """
    standardisation = recipe.standardisation or Standardisation.neutral(recipe.n_features)
    draws = np.random.default_rng(seed).standard_normal((n, recipe.n_features))
    return np.asarray(np.array(standardisation.mean) + np.array(standardisation.deviation) * draws, np.float32)


def decimals(numbers: Array) -> tuple[float, ...]:
    """Round to six digits. Both sides use the rounded values, and the standardisation is a tenth of some files."""
    return tuple(float(f"{number:.6g}") for number in numbers)


def _standardisation(features: Array) -> Standardisation:
    deviation = features.std(axis=0, dtype=np.float64)
    deviation = np.maximum(deviation, _LEAST_DEVIATION)
    return Standardisation(mean=decimals(features.mean(axis=0, dtype=np.float64)), deviation=decimals(deviation))


def _to_tflite(core: keras.Model, standardised: Array, variant: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        core.export(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        # Per-channel dense layers need FULLY_CONNECTED version 12, which tflite-runtime 2.14, the last one, refuses.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        if variant != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if variant == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if variant == "int8":
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.representative_dataset = lambda: _examples(standardised)
        try:
            with silent_stderr():
                return bytes(converter.convert())
        except Exception as error:  # the converter raises many types
            raise ConversionError(
                f"the model cannot be expressed in TFLite: {str(error).strip().splitlines()[0]}"
            ) from error


def _examples(standardised: Array) -> Iterator[list[Array]]:
    for row in np.concatenate([standardised, _RANGE_MARGIN * standardised]).astype(np.float32):
        yield [row[np.newaxis]]


def export_saved_model(model: keras.Model, folder: Path) -> None:
    """Export the full Keras model, raw features to probabilities, in the format of TensorFlow Serving."""
    model.export(folder, verbose=False)
