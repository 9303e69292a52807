"""A model that is ready to run: log-mel frames -> coefficients -> pooling -> interpreter -> probabilities."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..features.mfcc import Mfcc
from .file import load
from .front_end import FrontEnd
from .interpreter import construct
from .recipe import ModelRecipe, Standardisation

Array = NDArray[Any]

_log = logging.getLogger(__name__)


class Network:
    """Classifies any sound, with or without speech. The speech gate and every `EmotionClassifier` are networks.

    Several threads may share one network.

    Args:
        model: the name of a shipped model, or the path of a `.tflite` file with a recipe.
        interpreter: `ai-edge-litert`, `tflite-runtime` or `numpy`; by default the one in the environment variable
            EMOTION_EDGE_INTERPRETER, otherwise the first of these that works on this machine.

    Raises:
        ModelError: the model cannot be used.
        InterpreterError: no interpreter on this machine works with this model.
    """

    def __init__(self, model: str | os.PathLike[str], *, interpreter: str | None = None) -> None:
        loaded = load(model)
        self.recipe: Final[ModelRecipe] = loaded.recipe
        self._interpreter: Final = construct(loaded, interpreter)
        _log.debug("%s: %s, run by %s", os.fspath(model), self.recipe.name, self._interpreter.backend)
        self.front_end: Final = FrontEnd(self.recipe, folder=loaded.folder, interpreter=interpreter)
        standardisation = self.recipe.standardisation or Standardisation.neutral(self.recipe.n_features)
        self._mean: Final = np.array(standardisation.mean, np.float32)
        self._deviation: Final = np.array(standardisation.deviation, np.float32)

    @property
    def mfcc(self) -> Mfcc:
        """Computes the log-mel frames of the model."""
        return self.front_end.mfcc

    @property
    def sample_rate_hz(self) -> int:
        """The sample rate that the model needs, in Hz."""
        return self.recipe.mfcc.sample_rate_hz

    def pool(self, log_mel: Sequence[Array], check: Callable[[], None] | None = None) -> Array:
        """Compute the feature vector, shape (n_features,), of log-mel frames, in one or more blocks from `mfcc`.

        A voice encoder calls `check`, which may raise an error, before each section of a long recording.
        """
        return self.front_end.pool(log_mel, check)

    def probabilities(self, vector: Array) -> Array:
        """Compute the calibrated probabilities, shape (n_labels,), of a feature vector."""
        return self.answer(self.standardised(vector))

    def standardised(self, vector: Array) -> Array:
        """Standardise a feature vector for the model, shape (n_features,).

        Raises:
            ValueError: the vector has another shape, or numbers that are not finite.
        """
        if np.shape(vector) != self._mean.shape:
            raise ValueError(f"got features of shape {np.shape(vector)}, wanted {self._mean.shape}")
        if not np.isfinite(vector).all():
            raise ValueError("got features that are not finite, wanted finite numbers")
        return np.asarray((vector - self._mean) / self._deviation)

    def answer(self, standardised: Array) -> Array:
        """Compute the calibrated probabilities, shape (n_labels,), of standardised features."""
        logits = self._interpreter(standardised).astype(np.float64) / self.recipe.temperature
        likelihoods = np.exp(logits - logits.max())
        return np.asarray(likelihoods / likelihoods.sum())
