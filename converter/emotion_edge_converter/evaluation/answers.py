"""The answers of models to recordings, computed by the code that runs on the device."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from tqdm import tqdm

from emotion_edge import AudioError, Prediction
from emotion_edge.audio.files import read_blocks
from emotion_edge.classifier import Features

from .. import processes
from ..corpora.readers import Utterance
from ..errors import CorpusError
from ..recordings.conditions import AS_RECORDED, Conditions
from .fold_models import FoldModels

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


@dataclass(frozen=True)
class Evaluation:
    """The answers under every condition.

    Attributes:
        conditions: name of each condition to the answers of the models that are asked by default.
        left_out: the same by the models that were trained without the corpus of the recording; empty if there are none.
        features: of the recordings as recorded, in the order of `conditions[AS_RECORDED]`.
    """

    conditions: dict[str, Answers]
    left_out: dict[str, Answers]
    features: list[Features]


def answer(models: FoldModels, utterances: Sequence[Utterance], conditions: Conditions, *, jobs: int = 1) -> Evaluation:
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
    evaluation = Evaluation({}, {}, [])
    with processes.mapped(_Answerer(models, conditions).answer, wanted, jobs) as results:
        progress = tqdm(results, desc="evaluate", unit="file", total=len(wanted), disable=None)
        for utterance, result in zip(wanted, progress, strict=True):
            if isinstance(result, AudioError):
                _log.warning("%s: left out", result)
                continue
            evaluation.features.append(result.features)
            for answers, predictions in (
                (evaluation.conditions, result.predictions),
                (evaluation.left_out, result.left_out),
            ):
                for name, prediction in predictions.items():
                    under = answers.setdefault(name, Answers(labels, [], []))
                    under.utterances.append(utterance)
                    under.predictions.append(prediction)
    if not evaluation.features:
        raise CorpusError(f"none of the {len(wanted)} recordings could be read")
    return evaluation


class _Answered(NamedTuple):
    """The predictions for one recording: name of each condition to the prediction."""

    features: Features
    predictions: dict[str, Prediction]
    left_out: dict[str, Prediction]


class _Answerer:
    """Lets models answer one recording at a time."""

    def __init__(self, models: FoldModels, conditions: Conditions) -> None:
        self._models: Final = models
        self._conditions: Final = conditions

    def answer(self, utterance: Utterance) -> _Answered | AudioError:
        """The answers to a recording. The file is read once; features are computed once per condition."""
        try:
            blocks = list(read_blocks(utterance.file, sample_rate_hz=self._conditions.rate_hz))
            features = {
                name: self._models.any.features(disturbed)
                for name, disturbed in self._conditions.of(blocks, _random(utterance))
            }
        except AudioError as error:
            return error
        model, without_corpus = self._models.of(utterance), self._models.without_corpus_of(utterance)
        return _Answered(
            features[AS_RECORDED],
            {name: model.predict(each) for name, each in features.items()},
            {} if without_corpus is None else {name: without_corpus.predict(each) for name, each in features.items()},
        )


def _random(utterance: Utterance) -> np.random.Generator:
    """A generator for one recording, so that its noise does not depend on its folder or on other recordings."""
    parts = (utterance.corpus, utterance.speaker, utterance.emotion, utterance.file.name)
    return np.random.default_rng(zlib.crc32("/".join(parts).encode(errors="surrogateescape")))
