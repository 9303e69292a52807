"""Reads labelled clips of one voice, with the features that the device computes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotion_edge import AudioError, EmotionClassifier
from emotion_edge.audio.files import read_blocks

from ..corpora.readers import Utterance
from ..errors import CorpusError
from ..evaluation.metrics import label_numbers
from ..settings import FEWEST_CLIPS, FEWEST_OF_A_LABEL

Array = NDArray[Any]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clips:
    """Clips that contain speech.

    Attributes:
        utterances: the n clips.
        features: features by the code of the device, shape (n, n_features).
        targets: label numbers, shape (n,).
        labels: the labels of the model.
    """

    utterances: list[Utterance]
    features: Array
    targets: Array
    labels: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The number of clips of each label that occurs."""
        numbers = Counter(self.targets.tolist())
        return {label: numbers[number] for number, label in enumerate(self.labels) if numbers[number]}

    @property
    def missing(self) -> list[str]:
        """The labels without clips."""
        return [label for label in self.labels if label not in self.counts]


def read(classifier: EmotionClassifier, utterances: Sequence[Utterance]) -> Clips:
    """Compute the features of clips. A clip that cannot be read or contains no speech is left out with a warning.

    Raises:
        CorpusError: the model does not know a label, or there are too few clips.
    """
    labels, rate = classifier.recipe.labels, classifier.sample_rate_hz
    unknown = sorted({utterance.emotion for utterance in utterances} - set(labels))
    if unknown:
        raise CorpusError(
            f"the model has no label {', '.join(unknown)}: its labels are {', '.join(labels)}; rename or remove these "
            "folders"
        )
    kept, rows = [], []
    for utterance in tqdm(utterances, desc="features", unit="file", disable=None):
        try:
            features = classifier.features(read_blocks(utterance.file, sample_rate_hz=rate))
        except AudioError as error:
            _log.warning("%s: left out", error)
            continue
        if not features.speech:
            _log.warning("%s contains no speech: left out", utterance.file)
            continue
        kept.append(utterance)
        rows.append(features.vector)
    _check_enough([utterance.emotion for utterance in kept])
    return Clips(kept, np.stack(rows), label_numbers([utterance.emotion for utterance in kept], labels), labels)


def _check_enough(names: Sequence[str]) -> None:
    counts = Counter(names)
    wanted = (
        f"wanted {FEWEST_OF_A_LABEL} or more of each of two or more labels, {FEWEST_CLIPS} in all; better ten of each"
    )
    if len(counts) < 2 or len(names) < FEWEST_CLIPS or min(counts.values()) < FEWEST_OF_A_LABEL:
        found = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
        raise CorpusError(f"too few clips with speech ({found}): {wanted}")
