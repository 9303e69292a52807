"""Checks that the small model answers like the full one.

The full path uses librosa.load, the MFCC of the reference library, and Keras. The small path is the code of the device:
soundfile, soxr, the numpy MFCC and a TFLite interpreter.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotion_edge import AudioError, EmotionClassifier, InterpreterError, ModelError
from emotion_edge.audio.files import read_blocks
from emotion_edge.model.file import Model, load
from emotion_edge.model.interpreter import available, construct
from emotion_edge.model.recipe import ModelRecipe

from ..corpora.readers import Utterance
from ..errors import ConversionError
from ..features.reference import reference_features
from .keras_models import check_dense_classifier, probabilities

Array = NDArray[Any]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parity:
    """A comparison of two models on n files with one interpreter.

    Attributes:
        interpreter: name of the interpreter.
        utterances: the files that could be read.
        full, small: the probabilities by each model, shape (n_files, n_labels).
        feature_difference: the largest absolute difference of a feature.
    """

    interpreter: str
    utterances: list[Utterance]
    full: Array
    small: Array
    feature_difference: float

    @property
    def agreement(self) -> float:
        """The share of files for which both models give the same label."""
        return float(np.mean(self.full.argmax(axis=1) == self.small.argmax(axis=1)))

    @property
    def difference(self) -> float:
        """The largest absolute difference of a probability."""
        return float(np.abs(self.full - self.small).max())

    def __str__(self) -> str:
        return (
            f"{self.interpreter}: {len(self.full)} files, label agreement {self.agreement:.4f}, largest difference of "
            f"a probability {self.difference:.4f}, of a feature {self.feature_difference:.2g}"
        )


def compare(
    model: keras.Model, tflite: Path, utterances: Sequence[Utterance], *, reference: Array | None = None
) -> list[Parity]:
    """Run files through the full model, and through the small one with each interpreter that works here.

    Args:
        model: the full model.
        tflite: the small model.
        utterances: the files. Files that cannot be read are left out, and at least one must be readable. Labels do not
            matter.
        reference: their features by the reference library, shape (n, n_features), if they are already known.

    Raises:
        ConversionError: the models do not fit, no interpreter works here, or no file could be read.
    """
    recipe, classifiers = _classifiers(model, tflite)
    read, expected, actual = _features_both_ways(next(iter(classifiers.values())), utterances, reference)
    full = _calibrated(probabilities(model, expected), recipe)
    difference = float(np.abs(expected - actual).max())
    return [
        Parity(backend, read, full, np.stack([classifier.probabilities(row) for row in actual]), difference)
        for backend, classifier in classifiers.items()
    ]


def compare_features(model: keras.Model, tflite: Path, features: Array) -> list[Parity]:
    """The same comparison for raw features, shape (n, n_features), without files.

    Raises:
        ConversionError: the models do not fit, or no interpreter works here.
    """
    recipe, classifiers = _classifiers(model, tflite)
    full = _calibrated(probabilities(model, features), recipe)
    return [
        Parity(backend, [], full, np.stack([classifier.probabilities(row) for row in features]), 0.0)
        for backend, classifier in classifiers.items()
    ]


def require(parities: Sequence[Parity], least_agreement: float, largest_difference: float) -> None:
    """Check that all comparisons are within the tolerance.

    Raises:
        ConversionError: one is not.
    """
    for parity in parities:
        if parity.agreement < least_agreement or not parity.difference <= largest_difference:
            raise ConversionError(
                f"the small model does not answer like the full one; got {parity}; wanted an agreement of at "
                f"least {least_agreement:g} and probabilities that differ by at most {largest_difference:g}: calibrate "
                "with more recordings, or choose a --variant with more bits"
            )


def _classifiers(model: keras.Model, tflite: Path) -> tuple[ModelRecipe, dict[str, EmotionClassifier]]:
    """The recipe of the small model, checked against the full one, and a classifier for each interpreter that works
    here.
    """
    loaded = load(tflite)
    check_dense_classifier(model, loaded.recipe.n_features, len(loaded.recipe.labels))
    backends = [interpreter.backend for interpreter in available(loaded)]
    if not backends:
        raise ConversionError("no TFLite interpreter works here: pip install ai-edge-litert")
    if "numpy" not in backends:  # numpy is always installed, so it must lack operators
        _warn_about_numpy(loaded)
    return loaded.recipe, {backend: EmotionClassifier(tflite, interpreter=backend) for backend in backends}


def _warn_about_numpy(model: Model) -> None:
    try:
        construct(model, "numpy")
    except (InterpreterError, ModelError) as error:
        _log.warning("%s will not run where no TFLite package can be installed: %s", model.recipe.name, error)


def _features_both_ways(
    classifier: EmotionClassifier, utterances: Sequence[Utterance], reference: Array | None
) -> tuple[list[Utterance], Array, Array]:
    recipe = classifier.recipe
    read, expected, actual = [], [], []
    for number, utterance in enumerate(tqdm(utterances, desc="parity", unit="file", disable=None)):
        try:
            vector = classifier.features(read_blocks(utterance.file, sample_rate_hz=recipe.mfcc.sample_rate_hz)).vector
            expected.append(reference_features(utterance.file, recipe) if reference is None else reference[number])
        except AudioError as error:
            _log.warning("%s: left out", error)
            continue
        read.append(utterance)
        actual.append(vector)
    if not read:
        raise ConversionError(f"none of the {len(utterances)} files could be read")
    return read, np.stack(expected), np.stack(actual)


def _calibrated(full: Array, recipe: ModelRecipe) -> Array:
    """The probabilities of the full model at the temperature of the recipe."""
    powers = full.astype(np.float64) ** (1 / recipe.temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
