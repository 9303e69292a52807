"""The answers of models to recordings, computed by the code that runs on the device."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from tqdm import tqdm

from emotion_edge import AudioError, Prediction
from emotion_edge.audio.files import read_blocks

from .. import processes
from ..corpora.readers import Utterance
from ..errors import CorpusError
from ..recordings.conditions import AS_RECORDED, Conditions
from .fold_models import FoldModels

LEFT_OUT: Final = "corpus left out"
"""Name of the condition: as recorded, answered by the model that was trained without the corpus of the recording."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answers:
    """The answers under one condition.

    Attributes:
        labels: the labels of the models.
        utterances: the recordings that could be read.
        predictions: one for each recording.
    """

    labels: tuple[str, ...]
    utterances: list[Utterance]
    predictions: list[Prediction]

    def of(self, **wanted: str) -> Answers:
        """The answers to recordings with the given attributes, for example `corpus="tess"`."""
        rows = [
            row
            for row, utterance in enumerate(self.utterances)
            if all(getattr(utterance, name) == value for name, value in wanted.items())
        ]
        return Answers(self.labels, [self.utterances[row] for row in rows], [self.predictions[row] for row in rows])

    def by_corpus(self) -> dict[str, Answers]:
        """Name of each corpus to its answers, sorted."""
        return {name: self.of(corpus=name) for name in sorted({utterance.corpus for utterance in self.utterances})}


def answer(
    models: FoldModels, utterances: Sequence[Utterance], conditions: Conditions, *, jobs: int = 1
) -> dict[str, Answers]:
    """Let models answer recordings under each condition, and with the corpus of the recording left out of training.

    Only recordings with one of the models' labels are used. A file that cannot be read is left out with a warning. A
    progress bar is shown.

    Args:
        models: the models.
        utterances: recordings with any labels.
        conditions: how the recordings are disturbed.
        jobs: number of processes; the result does not depend on it.

    Raises:
        CorpusError: no recording has one of the labels, a speaker is in no fold, or no file could be read.
        EmotionEdgeError: one of the processes was killed.
    """
    labels = models.any.recipe.labels
    wanted = [utterance for utterance in utterances if utterance.emotion in labels]
    if not wanted:
        raise CorpusError(f"no recording has one of the model's labels ({', '.join(labels)})")
    models.require(wanted)
    answers: dict[str, Answers] = {}
    with processes.mapped(_Answerer(models, conditions).answer, wanted, jobs) as results:
        progress = tqdm(results, desc="evaluate", unit="file", total=len(wanted), disable=None)
        for utterance, result in zip(wanted, progress, strict=True):
            if isinstance(result, AudioError):
                _log.warning("%s: left out", result)
                continue
            for name, prediction in result.items():
                under = answers.setdefault(name, Answers(labels, [], []))
                under.utterances.append(utterance)
                under.predictions.append(prediction)
    if not answers:
        raise CorpusError(f"none of the {len(wanted)} recordings could be read")
    return answers


class _Answerer:
    """Lets models answer one recording at a time."""

    def __init__(self, models: FoldModels, conditions: Conditions) -> None:
        self._models: Final = models
        self._conditions: Final = conditions

    def answer(self, utterance: Utterance) -> dict[str, Prediction] | AudioError:
        """Name of each condition to the answer. The file is read once; features are computed once per condition."""
        extract, model = self._models.any.features, self._models.of(utterance)
        without_corpus = self._models.without_corpus_of(utterance)
        answers = {}
        try:
            blocks = list(read_blocks(utterance.file, sample_rate_hz=self._conditions.rate_hz))
            for name, disturbed in self._conditions.of(blocks, _random(utterance)):
                features = extract(disturbed)
                answers[name] = model.predict(features)
                if name == AS_RECORDED and without_corpus is not None:
                    answers[LEFT_OUT] = without_corpus.predict(features)
        except AudioError as error:
            return error
        return answers


def _random(utterance: Utterance) -> np.random.Generator:
    """A generator for one recording, so that its noise does not depend on its folder or on other recordings."""
    parts = (utterance.corpus, utterance.speaker, utterance.emotion, utterance.file.name)
    return np.random.default_rng(zlib.crc32("/".join(parts).encode(errors="surrogateescape")))
