"""Divides utterances into training and test sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from ..corpora.readers import Utterance, corpus_of_speaker
from ..errors import CorpusError
from ..settings import SEED

TEST_FRACTION: Final = 1 / 3
N_FOLDS: Final = 5


@dataclass(frozen=True)
class Split:
    """Row numbers of the two sets, and a name that describes the split."""

    name: str
    train: NDArray[Any]
    test: NDArray[Any]


def random_split(utterances: Sequence[Utterance], seed: int = SEED) -> Split:
    """Two thirds and one third, with each emotion in the same proportion, as in the study. Both sides share the
    speakers.

    Raises:
        CorpusError: an emotion has fewer than two recordings.
    """
    emotions = [utterance.emotion for utterance in utterances]
    rare = [emotion for emotion in dict.fromkeys(emotions) if emotions.count(emotion) < 2]
    if rare:
        raise CorpusError(f"only one recording of {', '.join(rare)}: training and testing need at least two")
    if len(utterances) * TEST_FRACTION < len(set(emotions)):
        raise CorpusError(
            f"{len(utterances)} recordings of {len(set(emotions))} labels are too few for training and testing"
        )
    train, test = train_test_split(
        np.arange(len(utterances)), test_size=TEST_FRACTION, stratify=emotions, random_state=seed
    )
    return Split("random third", np.sort(train), np.sort(test))


def speaker_splits(utterances: Sequence[Utterance]) -> list[Split]:
    """One split per speaker: train on all others, test on this one. Named `A -> B` or `others -> B`.

    Recordings of unknown speakers are in neither set. The list is empty if fewer than two speakers are known.
    """
    several = len({utterance.corpus for utterance in utterances}) > 1
    speakers = np.array([_name(utterance, several) for utterance in utterances])
    known = sorted(set(speakers) - {""})
    if len(known) < 2:
        return []
    splits = []
    for speaker in known:
        others = next(other for other in known if other != speaker) if len(known) == 2 else "others"
        train = (speakers != speaker) & (speakers != "")
        splits.append(Split(f"{others} -> {speaker}", np.flatnonzero(train), np.flatnonzero(speakers == speaker)))
    return splits


def folds(utterances: Sequence[Utterance]) -> NDArray[Any]:
    """The fold of each recording, shape (n,). Speaker number i of a corpus, sorted, is in fold i modulo `N_FOLDS`."""
    speakers: dict[str, set[str]] = {}
    for utterance in utterances:
        speakers.setdefault(corpus_of_speaker(utterance), set()).add(utterance.speaker)
    fold = {
        (corpus, speaker): number % N_FOLDS
        for corpus, names in speakers.items()
        for number, speaker in enumerate(sorted(names))
    }
    return np.array([fold[corpus_of_speaker(each), each.speaker] for each in utterances])


def _name(utterance: Utterance, several_corpora: bool) -> str:
    """The speaker, with the corpus if there are several corpora; empty if unknown."""
    return f"{utterance.corpus}:{utterance.speaker}" if several_corpora and utterance.speaker else utterance.speaker
