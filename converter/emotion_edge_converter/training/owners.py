"""Simulates the voice profiles of device owners, so that a model learns to work with a profile and without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_edge.model.recipe import ProfileRecipe

from ..corpora.readers import Utterance

Array = NDArray[Any]

_NEUTRAL: Final = "neutral"
_MOST_UTTERANCES: Final = 20
_N_PROFILES: Final = 8  # for each speaker

# What the owner said while the profile was learnt: in most homes mostly neutral speech, sometimes all in one emotion.
_ONLY_NEUTRAL: Final = 0.15
_ONE_EMOTION: Final = 0.1
_NO_PROFILE: Final = 0.55


class Owners:
    """Draws random profiles for the speakers of recordings.

    Args:
        features: shape (n, versions, n_features).
        utterances: the n recordings.
        recipe: how strongly a profile is applied.
    """

    def __init__(self, features: Array, utterances: Sequence[Utterance], recipe: ProfileRecipe) -> None:
        self._features: Final = features
        self._centre: Final = features.mean(axis=(0, 1))
        self._recipe: Final = recipe
        speakers = [f"{utterance.corpus}:{utterance.speaker}" for utterance in utterances]
        names, self._speaker = np.unique(speakers, return_inverse=True)
        self._rows: Final = [np.flatnonzero(self._speaker == number) for number in range(len(names))]
        self._emotions: Final = np.array([utterance.emotion for utterance in utterances])

    def draw(self, count: int, random: np.random.Generator) -> Array:
        """Draw what profiles subtract from the features of each recording, shape (count, n, n_features).

        Some of the draws are 0: they represent speakers who have no profile yet.
        """
        shifts = np.stack([[self._shift(rows, random) for _ in range(_N_PROFILES)] for rows in self._rows])
        chosen = random.integers(_N_PROFILES, size=(count, len(self._speaker)))
        has_profile = random.random((count, len(self._speaker), 1)) >= _NO_PROFILE
        return np.asarray(shifts[self._speaker[np.newaxis], chosen] * has_profile)

    def _shift(self, rows: Array, random: np.random.Generator) -> Array:
        """The shift by one profile, learnt from a few recordings of a speaker, all in the same version."""
        chance = random.random()
        neutral = rows[self._emotions[rows] == _NEUTRAL]
        if chance < _ONLY_NEUTRAL and len(neutral):
            rows = neutral
        elif chance < _ONLY_NEUTRAL + _ONE_EMOTION:
            rows = rows[self._emotions[rows] == self._emotions[random.choice(rows)]]
        count = min(len(rows), int(random.integers(1, _MOST_UTTERANCES + 1)))
        chosen = random.choice(rows, count, replace=False)
        version = 0 if random.random() < 0.5 else random.integers(self._features.shape[1])
        weight = self._recipe.share(count)
        return np.asarray(weight * (self._features[chosen, version].mean(axis=0) - self._centre), np.float32)
