"""Simulates what devices know of their owners' voices, so that a head learns to work with a profile and without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_edge.model.recipe import ProfileRecipe

from ..corpora.readers import Utterance, speakers

Array = NDArray[Any]

# What a device has heard when it answers: how many utterances, and of which emotions.
_KINDS: Final = {"few": 0.15, "many": 0.3, "neutral": 0.15, "mostly neutral": 0.15, "one emotion": 0.25}
_FEW, _MANY, _OTHERS = 3, 10, 3
_PROFILES_PER_SPEAKER: Final = 16
_NEUTRAL: Final = "neutral"


def emotion_means(standardised: Array, utterances: Sequence[Utterance], labels: Sequence[str]) -> Array:
    """How each emotion moves the features of a speaker, shape (n_labels, n_features).

    It is the mean over the speakers who show all of the emotions.

    Args:
        standardised: features of recordings, shape (n, n_features).
        utterances: the n recordings.
        labels: the emotions.
    """
    emotions, names = np.array([each.emotion for each in utterances]), speakers(utterances)
    moved = []
    for name in np.unique(names):
        own = [standardised[(names == name) & (emotions == label)] for label in labels]
        if all(len(each) for each in own):
            means = np.stack([each.mean(axis=0) for each in own])
            moved.append(means - means.mean(axis=0))
    return np.mean(moved, axis=0) if moved else np.zeros((len(labels), standardised.shape[1]), np.float32)


class Voices:
    """Draws voice profiles of speakers, and what they subtract.

    Args:
        standardised: features, shape (n, versions, n_features).
        probabilities: by a head without profiles that was not trained on the recording, shape (n, n_labels).
        utterances: the n recordings.
        recipe: how a profile is applied.
        means: as `emotion_means` gives them.
    """

    def __init__(
        self,
        standardised: Array,
        probabilities: Array,
        utterances: Sequence[Utterance],
        recipe: ProfileRecipe,
        means: Array,
    ) -> None:
        self._features: Final = standardised
        self._voices: Final = recipe.emotion_share * (probabilities @ means)
        self._recipe: Final = recipe
        self._names: Final = speakers(utterances)
        self._emotions: Final = np.array([each.emotion for each in utterances])

    def offsets(self, random: np.random.Generator) -> Array:
        """What profiles subtract from each recording in each version, shape (n, versions, n_features), float32.

        Each is some profile of the speaker, learnt from other recordings in the same version.
        """
        found = np.zeros_like(self._features)
        for name in np.unique(self._names):
            rows = np.flatnonzero(self._names == name)
            for version in range(self._features.shape[1]):
                self._fill(found, rows, version, random)
        return found

    def _fill(self, found: Array, rows: Array, version: int, random: np.random.Generator) -> None:
        profiles = [self._draw(rows, random) for _ in range(max(_PROFILES_PER_SPEAKER, len(rows) // 6))]
        shifts = [self._shift(learnt, version) for learnt in profiles]
        for row in rows:
            for number in random.permutation(len(profiles))[:4]:
                if row not in profiles[number]:
                    found[row, version] = shifts[number]
                    break

    def _shift(self, learnt: Array, version: int) -> Array:
        if not len(learnt):
            return np.zeros(self._features.shape[2], np.float32)
        voice = self._features[learnt, version].mean(axis=0) - self._voices[learnt].mean(axis=0)
        return np.asarray(self._recipe.share(len(learnt)) * voice, np.float32)

    def _draw(self, rows: Array, random: np.random.Generator) -> Array:
        """The recordings that one profile is learnt from."""
        kind = str(random.choice(list(_KINDS), p=list(_KINDS.values())))
        emotions = self._emotions[rows]
        neutral, others = rows[emotions == _NEUTRAL], rows[emotions != _NEUTRAL]
        if kind == "one emotion":
            return self._some(rows[emotions == random.choice(emotions)], _MANY, random)
        if kind == "neutral":
            return self._some(neutral, _MANY, random)
        if kind == "mostly neutral":
            parts = self._some(neutral, _MANY - _OTHERS, random), self._some(others, _OTHERS, random)
            return np.concatenate(parts)
        return self._some(rows, _FEW if kind == "few" else _MANY, random)

    def _some(self, rows: Array, count: int, random: np.random.Generator) -> Array:
        return np.asarray(random.permutation(rows)[: min(count, max(0, len(rows) - 1))])
