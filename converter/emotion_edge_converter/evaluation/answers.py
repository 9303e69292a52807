"""What models answer to recordings, through the very path that runs on the device."""

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
"""As recorded, answered by the model that never heard the recording's corpus."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answers:
    """What was answered under one condition.

    Attributes:
        labels: the models'.
        utterances: the recordings that could be read.
        predictions: one each.
    """

    labels: tuple[str, ...]
    utterances: list[Utterance]
    predictions: list[Prediction]

    def of(self, **wanted: str) -> Answers:
        """Those whose recording has some attributes, for example `corpus="tess"`."""
        rows = [
            row
            for row, utterance in enumerate(self.utterances)
            if all(getattr(utterance, name) == value for name, value in wanted.items())
        ]
        return Answers(self.labels, [self.utterances[row] for row in rows], [self.predictions[row] for row in rows])

    def by_corpus(self) -> dict[str, Answers]:
        """Corpus to its answers, by name."""
        return {name: self.of(corpus=name) for name in sorted({utterance.corpus for utterance in self.utterances})}


def answer(
    models: FoldModels, utterances: Sequence[Utterance], conditions: Conditions, *, jobs: int = 1
) -> dict[str, Answers]:
    """The answers to recordings of the models' labels under each condition, and with their corpus left out.

    A file that cannot be read is named in a warning and left out. There is a progress bar.

    Args:
        models: who answers.
        utterances: of any labels.
        conditions: in what they are heard.
        jobs: how many processes share the work; nothing else depends on it.

    Raises:
        CorpusError: no recording carries one of the labels, a speaker is in no fold, or nothing could be read.
        EmotionEdgeError: one of the processes was ended from outside.
    """
    labels = models.any.recipe.labels
    wanted = [utterance for utterance in utterances if utterance.emotion in labels]
    if not wanted:
        raise CorpusError(f"no recording carries one of the model's labels ({', '.join(labels)})")
    models.require(wanted)
    answers: dict[str, Answers] = {}
    with processes.mapped(_Examiner(models, conditions).answer, wanted, jobs) as results:
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


class _Examiner:
    """Has models answer one recording after the other."""

    def __init__(self, models: FoldModels, conditions: Conditions) -> None:
        self._models: Final = models
        self._conditions: Final = conditions

    def answer(self, utterance: Utterance) -> dict[str, Prediction] | AudioError:
        """Condition to answer. The file is read once, and features are made once a condition."""
        listen, model = self._models.any.features, self._models.of(utterance)
        stranger = self._models.without_corpus_of(utterance)
        answers = {}
        try:
            blocks = list(read_blocks(utterance.file, sample_rate_hz=self._conditions.rate_hz))
            for name, heard in self._conditions.of(blocks, _random(utterance)):
                features = listen(heard)
                answers[name] = model.predict(features)
                if name == AS_RECORDED and stranger is not None:
                    answers[LEFT_OUT] = stranger.predict(features)
        except AudioError as error:
            return error
        return answers


def _random(utterance: Utterance) -> np.random.Generator:
    """The recording's own: neither the other recordings nor the folder that it lies in change its noise."""
    parts = (utterance.corpus, utterance.speaker, utterance.emotion, utterance.file.name)
    return np.random.default_rng(zlib.crc32("/".join(parts).encode(errors="surrogateescape")))
