"""A recording that is heard once, from its start to its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from numpy.typing import NDArray

from ..classifier import EmotionClassifier
from ..prediction import Prediction
from ..speech.windows import Windows
from ..timelines import answered
from .envelope import Envelope
from .overview import Overview
from .stretches import stretches

Array = NDArray[Any]


class Recording:
    """A recording, and who answers about its windows. Nothing is heard before somebody takes them, and little is kept.

    Args:
        path: as people know it.
        classifier: who answers.
        blocks, windows: as `timelines.answered` takes them.

    Attributes:
        path: as it was given.
        model, labels: of the classifier.
        envelope: of what was heard so far.
    """

    def __init__(
        self,
        path: str,
        classifier: EmotionClassifier,
        blocks: Iterable[Array],
        windows: Windows,
    ) -> None:
        self.path: Final = path
        self.model: Final = classifier.recipe.name
        self.labels: Final = classifier.recipe.labels
        self.envelope: Final = Envelope()
        self._rate_hz: Final = classifier.sample_rate_hz
        self._windows: Final = answered(classifier, self._heard(blocks), windows)
        self.n_windows = 0

    def windows(self) -> Iterator[Prediction]:
        """The answers; they are there once."""
        for window in self._windows:
            self.n_windows += 1
            yield window

    def overview(self) -> Overview:
        """All of it, seen from afar."""
        seen = Overview(self.labels)
        for stretch in stretches(self.windows()):
            seen.process(stretch)
        return seen

    @property
    def duration_s(self) -> float:
        """What was heard so far; all of it once the windows are taken."""
        return self.envelope.n_samples / self._rate_hz

    @property
    def column_s(self) -> float:
        """How long a column of the envelope is."""
        return self.envelope.column_length / self._rate_hz

    def _heard(self, blocks: Iterable[Array]) -> Iterator[Array]:
        for block in blocks:
            self.envelope.process(block)
            yield block
