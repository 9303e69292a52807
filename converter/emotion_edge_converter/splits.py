"""Which utterances train and which test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from .corpora import Utterance
from .errors import CorpusError
from .settings import SEED

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
    try:
        train, test = train_test_split(
            np.arange(len(utterances)), test_size=TEST_FRACTION, stratify=emotions, random_state=seed
        )
    except ValueError:  # fewer rows than labels on one side
        raise CorpusError(
            f"{len(utterances)} recordings of {len(set(emotions))} labels are too few to train and to test"
        ) from None
    return Split("random third", np.sort(train), np.sort(test))


def talker_splits(utterances: Sequence[Utterance]) -> list[Split]:
    """For each talker: train on all the others, test on that one. Empty where fewer than two talkers are known."""
    talkers = [(utterance.corpus, utterance.talker) for utterance in utterances]
    known = sorted({talker for talker in talkers if talker[1]})
    if len(known) < 2:
        return []
    return [_leave_out(talkers, talker, len(known)) for talker in known]


def _leave_out(talkers: list[tuple[str, str]], left_out: tuple[str, str], n_talkers: int) -> Split:
    tested = np.array([talker == left_out for talker in talkers])
    others = sorted({talker[1] for talker in talkers if talker != left_out and talker[1]})
    trained_on = others[0] if n_talkers == 2 else f"{len(others)} others"
    return Split(f"{trained_on} -> {left_out[1]}", np.flatnonzero(~tested), np.flatnonzero(tested))
