"""Turns log-mel frames into the feature vector of a model, through MFCCs or the voice encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..features.mfcc import Mfcc
from ..features.pooling import POOLINGS
from .encoder import load_encoder
from .recipe import ModelRecipe

Array = NDArray[Any]


class FrontEnd:
    """Computes the features of a recipe.

    Args:
        recipe: the recipe of the model.
        folder: the folder of the model's file, which may also contain the voice encoder.
        interpreter: the interpreter for the voice encoder; by default the first that works.

    Raises:
        ModelError: the voice encoder is missing, or is not the one that the model was trained with.
        InterpreterError: no interpreter works on this machine.
    """

    def __init__(self, recipe: ModelRecipe, *, folder: Path = Path(), interpreter: str | None = None) -> None:
        self.mfcc: Final = Mfcc(recipe.mfcc)
        self._pool: Final = POOLINGS[recipe.pooling]
        self._encoder: Final = None if recipe.encoder is None else load_encoder(recipe.encoder, folder, interpreter)
        if self._encoder is not None and self._encoder.recipe.mfcc != recipe.mfcc:
            raise ModelError(f"the model {recipe.name} and its voice encoder compute frames differently")

    def pool(self, log_mel: Sequence[Array], check: Callable[[], None] | None = None) -> Array:
        """Compute the feature vector, shape (n_features,), of log-mel frames, in one or more blocks from `mfcc`.

        A voice encoder calls `check`, which may raise an error, before each section of a long recording.
        """
        if self._encoder is None:
            return self._pool(self.mfcc.coefficients(log_mel))
        return self._pool(self._encoder(np.concatenate(log_mel), check))
