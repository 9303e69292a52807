"""Which utterances train and which test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from ..corpora.readers import Utterance
from ..errors import CorpusError
from ..settings import SEED

TEST_FRACTION: Final = 1 / 3


@dataclass(frozen=True)
class Split:
    """Row numbers of the two parts, and a name that says how they were parted."""

    name: str
    train: NDArray[Any]
    test: NDArray[Any]


def random_split(utterances: Sequence[Utterance], seed: int = SEED) -> Split:
    """Two thirds to one third, each emotion in the same proportion, as the study did it. Every voice is on both sides.

    Raises:
        CorpusError: an emotion has fewer than two recordings.
    """
    emotions = [utterance.emotion for utterance in utterances]
    rare = [emotion for emotion in dict.fromkeys(emotions) if emotions.count(emotion) < 2]
    if rare:
        raise CorpusError(f"only one recording of {', '.join(rare)}: at least two are needed to train and to test")
    if len(utterances) * TEST_FRACTION < len(set(emotions)):
        raise CorpusError(
            f"{len(utterances)} recordings of {len(set(emotions))} labels are too few to train and to test"
        )
    train, test = train_test_split(
        np.arange(len(utterances)), test_size=TEST_FRACTION, stratify=emotions, random_state=seed
    )
    return Split("random third", np.sort(train), np.sort(test))


def speaker_splits(utterances: Sequence[Utterance]) -> list[Split]:
    """For each speaker: train on all the others, test on that one, named `A -> B` or `others -> B`.

    Recordings of unknown speakers are on neither side. Empty where fewer than two speakers are known.
    """
    several = len({utterance.corpus for utterance in utterances}) > 1
    speakers = np.array([_name(utterance, several) for utterance in utterances])
    known = sorted(set(speakers) - {""})
    if len(known) < 2:
        return []
    splits = []
    for speaker in known:
        others = next(other for other in known if other != speaker) if len(known) == 2 else "others"
        heard = (speakers != speaker) & (speakers != "")
        splits.append(Split(f"{others} -> {speaker}", np.flatnonzero(heard), np.flatnonzero(speakers == speaker)))
    return splits


def _name(utterance: Utterance, several_corpora: bool) -> str:
    """Who speaks, told apart from a namesake in another corpus; empty where nobody knows."""
    return f"{utterance.corpus}:{utterance.speaker}" if several_corpora and utterance.speaker else utterance.speaker
