"""How much each recording counts in training: large corpora and frequent emotions do not outweigh the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..corpora.readers import Utterance

Array = NDArray[Any]

_OTHER_EMOTIONS_WEIGHT: Final = 0.5
_BALANCE: Final = 0.8  # 0: all recordings count the same; 1: all emotions of all corpora count the same


def balanced_weights(utterances: Sequence[Utterance], labels: Sequence[str]) -> Array:
    """The weight of each recording, shape (n,), mean 1, float32.

    It is smaller if the corpus has many recordings of its emotion, and half for emotions that are not among the labels.
    """
    groups = [(utterance.corpus, utterance.emotion) for utterance in utterances]
    counts = Counter(groups)
    others = [_OTHER_EMOTIONS_WEIGHT if emotion not in labels else 1.0 for _, emotion in groups]
    weights = np.array(others) / np.array([counts[group] for group in groups]) ** _BALANCE
    return np.asarray(weights / weights.mean(), np.float32)
