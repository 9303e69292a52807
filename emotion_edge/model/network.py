"""A model ready to answer: log-mel frames -> coefficients -> pooling -> interpreter -> calibrated probabilities."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..features.mfcc import Mfcc
from ..features.pooling import POOLINGS
from .file import load
from .interpreter import construct
from .recipe import ModelRecipe, Standardisation

Array = NDArray[Any]

_log = logging.getLogger(__name__)


class Network:
    """Answers about any sound, whether or not anybody spoke: the speech gate is one, and every `EmotionClassifier`.

    One network may be called from several threads.

    Args:
        model: the name of a shipped model, or the path of a `.tflite` file with a recipe.
        interpreter: `ai-edge-litert`, `tflite-runtime` or `numpy`; by default the one that the environment variable
            EMOTION_EDGE_INTERPRETER names, else the first of these that works here.

    Raises:
        ModelError: the model cannot be used.
        InterpreterError: no interpreter works here with this model.
    """

    def __init__(self, model: str | os.PathLike[str], *, interpreter: str | None = None) -> None:
        loaded = load(model)
        self.recipe: Final[ModelRecipe] = loaded.recipe
        self._interpreter: Final = construct(loaded, interpreter)
        _log.debug("%s: %s, run by %s", os.fspath(model), self.recipe.name, self._interpreter.backend)
        self.mfcc: Final = Mfcc(self.recipe.mfcc, prosody=self.recipe.prosody)
        standardisation = self.recipe.standardisation or Standardisation.neutral(self.recipe.n_features)
        self._mean: Final = np.array(standardisation.mean, np.float32)
        self._deviation: Final = np.array(standardisation.deviation, np.float32)

    @property
    def sample_rate_hz(self) -> int:
        """The rate of the sound that it takes."""
        return self.recipe.mfcc.sample_rate_hz

    def pool(self, log_mel: Sequence[Array]) -> Array:
        """The feature vector, shape (n_features,), of log-mel frames as `mfcc` makes them, in as many pieces as they came."""
        return POOLINGS[self.recipe.pooling](self.mfcc.coefficients(log_mel))

    def probabilities(self, vector: Array) -> Array:
        """The calibrated probabilities, shape (n_labels,), of a feature vector, whether or not anybody spoke."""
        return self.answer(self.standardised(vector))

    def standardised(self, vector: Array) -> Array:
        """A feature vector as the model takes it, shape (n_features,).

        Raises:
            ValueError: it has another shape, or numbers that are not finite.
        """
        if np.shape(vector) != self._mean.shape:
            raise ValueError(f"got features of shape {np.shape(vector)}, wanted {self._mean.shape}")
        if not np.isfinite(vector).all():
            raise ValueError("got features that are not finite, wanted numbers")
        return np.asarray((vector - self._mean) / self._deviation)

    def answer(self, standardised: Array) -> Array:
        """The calibrated probabilities, shape (n_labels,), of standardised features."""
        logits = self._interpreter(standardised).astype(np.float64) / self.recipe.temperature
        likelihoods = np.exp(logits - logits.max())
        return np.asarray(likelihoods / likelihoods.sum())
