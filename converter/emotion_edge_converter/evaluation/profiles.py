"""The answers of models to speakers whose voices they know from some utterances without labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from tqdm import tqdm

from emotion_edge import EmotionClassifier, VoiceProfile
from emotion_edge.classifier import Features

from ..corpora.readers import Utterance
from .answers import Answers
from .fold_models import FoldModels

DRAWS: Final = 5
"""How often a profile of each kind is drawn for each speaker."""
_NEUTRAL: Final = "neutral"


class _Kind(NamedTuple):
    """How many utterances a profile is learnt from: of any emotion, neutral ones, other ones, all of one emotion."""

    of_any: int = 0
    neutral: int = 0
    others: int = 0
    of_one: int = 0


KINDS: Final = {
    "3 of any emotion": _Kind(of_any=3),
    "5 of any emotion": _Kind(of_any=5),
    "10 of any emotion": _Kind(of_any=10),
    "10 neutral": _Kind(neutral=10),
    "7 neutral, 3 others": _Kind(neutral=7, others=3),
    "10 of one emotion": _Kind(of_one=10),
}
"""What is known of a speaker, to how it is drawn."""


class WithProfile(NamedTuple):
    """The answers to the same recordings with a profile of the speaker and without one, all draws together."""

    known: Answers
    unknown: Answers


def answer(models: FoldModels, utterances: Sequence[Utterance], features: Sequence[Features]) -> dict[str, WithProfile]:
    """Let models answer with profiles of each kind. The recordings that a profile is learnt from do not test it.

    The model that answers was trained without the corpus of the recording if there is such a model. Each speaker's
    profiles are drawn five times. An emotion of which a speaker has few recordings gives all but one of them.

    Args:
        models: the models.
        utterances: n recordings.
        features: of these, by the models.

    Returns:
        Each of KINDS to its answers; empty if the models do not support profiles.
    """
    if models.any.recipe.profile is None:
        return {}
    labels = models.any.recipe.labels
    results = {kind: WithProfile(Answers(labels, [], []), Answers(labels, [], [])) for kind in KINDS}
    speakers = np.array([f"{each.corpus}:{each.speaker}" for each in utterances])
    for name in tqdm(np.unique(speakers), desc="profiles", unit="speaker", disable=None):
        rows = np.flatnonzero(speakers == name).tolist()
        own = [utterances[row] for row in rows]
        model = models.without_corpus_of(own[0]) or models.of(own[0])
        speaker = _Speaker(model, own, [features[row] for row in rows])
        for number, (kind, drawn) in enumerate(KINDS.items()):
            for draw in range(DRAWS):
                speaker.answer(drawn, np.random.default_rng([number, draw]), draw, results[kind])
    return results


class _Speaker:
    """The recordings of one speaker, and the model that answers them."""

    def __init__(self, model: EmotionClassifier, utterances: list[Utterance], features: list[Features]) -> None:
        self._model: Final = model
        self._utterances: Final = utterances
        self._features: Final = features
        self._emotions: Final = np.array([each.emotion for each in utterances])
        self._unknown: Final = [model.predict(each) for each in features]

    def answer(self, kind: _Kind, random: np.random.Generator, draw: int, into: WithProfile) -> None:
        """Learn a profile, and add the answers to the other recordings."""
        recipe = self._model.recipe
        known = self._model.with_profile(VoiceProfile(recipe.name, recipe.n_features))
        learnt = self._drawn(kind, random, draw)
        for row in learnt:
            known.learn(self._features[row])
        for row in sorted(set(range(len(self._features))) - set(learnt)):
            for answers, prediction in (
                (into.known, known.predict(self._features[row])),
                (into.unknown, self._unknown[row]),
            ):
                answers.utterances.append(self._utterances[row])
                answers.predictions.append(prediction)

    def _drawn(self, kind: _Kind, random: np.random.Generator, draw: int) -> list[int]:
        """The recordings that a profile is learnt from."""
        rows, neutral = np.arange(len(self._emotions)), self._emotions == _NEUTRAL
        labels = self._model.recipe.labels
        groups = (
            (rows, kind.of_any),
            (rows[neutral], kind.neutral),
            (rows[~neutral], kind.others),
            (rows[self._emotions == labels[draw % len(labels)]], kind.of_one),
        )
        return [
            int(row)
            for group, count in groups
            for row in random.permutation(group)[: min(count, max(0, len(group) - 1))]
        ]
