"""From log-mel frames to the feature vector of a model: by MFCCs, or by the voice encoder."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Makes the features that a recipe describes.

    Args:
        recipe: of the model.
        folder: where the model's file is: a voice encoder may be beside it.
        interpreter: which runs that encoder; by default the first that works.

    Raises:
        ModelError: the voice encoder is missing, or is another one than the model was fitted to.
        InterpreterError: no interpreter works here.
    """

    def __init__(self, recipe: ModelRecipe, *, folder: Path = Path(), interpreter: str | None = None) -> None:
        self.mfcc: Final = Mfcc(recipe.mfcc, prosody=recipe.prosody)
        self._pool: Final = POOLINGS[recipe.pooling]
        self._encoder: Final = None if recipe.encoder is None else load_encoder(recipe.encoder, folder, interpreter)
        if self._encoder is not None and self._encoder.recipe.mfcc != recipe.mfcc:
            raise ModelError(f"the model {recipe.name} and its voice encoder disagree about how frames are made")

    def pool(self, log_mel: Sequence[Array]) -> Array:
        """Compute the feature vector, shape (n_features,), of log-mel frames, in one or more blocks from `mfcc`."""
        if self._encoder is None:
            return self._pool(self.mfcc.coefficients(log_mel))
        return self._pool(self._encoder(np.concatenate(log_mel)))
