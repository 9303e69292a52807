"""A recording that is read once, from its start to its end."""

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
from .sections import sections

Array = NDArray[Any]


class Recording:
    """A recording and the answers about its windows.

    It reads nothing until you iterate over the windows, and it keeps little in memory.

    Args:
        path: the name to show to people.
        classifier: answers about the windows.
        blocks, windows: as for `timelines.answered`.

    Attributes:
        path: as it was given.
        model, labels: of the classifier.
        envelope: the outline of the sound that was read so far.
        n_windows: how many windows were answered so far.
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
        self._windows: Final = answered(classifier, self._measured(blocks), windows)
        self.n_windows = 0

    def windows(self) -> Iterator[Prediction]:
        """The answers; you can iterate over them only once."""
        for window in self._windows:
            self.n_windows += 1
            yield window

    def overview(self) -> Overview:
        """Read the whole recording, and merge its windows into an overview."""
        overview = Overview(self.labels)
        for section in sections(self.windows()):
            overview.process(section)
        return overview

    @property
    def duration_s(self) -> float:
        """The length that was read so far; the whole recording once the windows are exhausted."""
        return self.envelope.n_samples / self._rate_hz

    @property
    def column_s(self) -> float:
        """The length of a column of the envelope, in seconds."""
        return self.envelope.column_length / self._rate_hz

    def _measured(self, blocks: Iterable[Array]) -> Iterator[Array]:
        for block in blocks:
            self.envelope.process(block)
            yield block
