"""How good a model file is on recordings, through the very path that runs on the device."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotion_edge import AudioError, EmotionClassifier, Prediction

from .corpora import Utterance
from .errors import CorpusError
from .evaluation import confusion_matrix, expected_calibration_error, label_numbers, uar, uar_interval

NO_SPEECH: Final = "no speech"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answers:
    """What a model answered.

    Attributes:
        labels: the model's.
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

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data; a recording in which no speech was found counts as wrong."""
        actual = label_numbers([utterance.emotion for utterance in self.utterances], self.labels)
        predicted = label_numbers([each.label or NO_SPEECH for each in self.predictions], (*self.labels, NO_SPEECH))
        talkers = [f"{utterance.corpus}:{utterance.talker}" for utterance in self.utterances]
        n_columns = len(self.labels) + 1
        matrix = confusion_matrix(actual, predicted, n_columns)[: len(self.labels)]
        correct = actual == predicted
        confidences = np.array([each.confidence for each in self.predictions])
        sure = np.array([each.status == "ok" for each in self.predictions])
        low, high = uar_interval(actual, predicted, talkers, n_columns)
        return {
            "recordings": len(actual),
            "talkers": len(set(talkers)),
            "uar": _rounded(uar(matrix)),
            "uar_interval": [_rounded(low), _rounded(high)],
            "accuracy": _rounded(correct.mean()),
            "confusion": matrix.tolist(),
            "expected_calibration_error": _rounded(expected_calibration_error(confidences, correct)),
            "sure": {"share": _rounded(sure.mean()), "accuracy": _accuracy(correct[sure])},
            "no_speech": int((predicted == len(self.labels)).sum()),
        }


def answer(classifier: EmotionClassifier, utterances: Sequence[Utterance]) -> Answers:
    """Have a model answer recordings of its labels, with a progress bar; a file that cannot be read is left out.

    Raises:
        CorpusError: no recording carries one of the labels, or none could be read.
    """
    labels = classifier.recipe.labels
    wanted = [utterance for utterance in utterances if utterance.emotion in labels]
    if not wanted:
        raise CorpusError(f"no recording carries one of the model's labels ({', '.join(labels)})")
    read, predictions = [], []
    for utterance in tqdm(wanted, desc="evaluate", unit="file", disable=None):
        try:
            predictions.append(classifier.classify(utterance.file))
        except AudioError as error:
            _log.warning("%s: left out", error)
        else:
            read.append(utterance)
    if not read:
        raise CorpusError(f"none of the {len(wanted)} recordings could be read")
    return Answers(labels, read, predictions)


def figures(answers: Answers) -> dict[str, Any]:
    """All figures: of each corpus, and within it of each sex that is known."""
    corpora: dict[str, Any] = {}
    for name in sorted({utterance.corpus for utterance in answers.utterances}):
        part = answers.of(corpus=name)
        sexes = sorted({utterance.sex for utterance in part.utterances} - {""})
        corpora[name] = {**part.to_dict(), "sex": {sex: part.of(sex=sex).to_dict() for sex in sexes}}
    mean = float(np.mean([corpus["uar"] for corpus in corpora.values()]))
    return {"labels": list(answers.labels), "mean_uar": _rounded(mean), "corpora": corpora}


def _accuracy(correct: NDArray[Any]) -> float | None:
    return _rounded(correct.mean()) if len(correct) else None


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
