"""What a recording carries over time: windows of one length, each answered, with no more than the latest in memory."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .audio.files import Source, read_blocks
from .classifier import EmotionClassifier, Features
from .model.file import DEFAULT_MODEL
from .prediction import Prediction
from .speech.gate import LOG_ODDS_ABOVE, SHORTEST_REST_S, SHORTEST_S, log_odds
from .speech.level import LoudBlocks, enough
from .speech.recent_frames import RecentFrames
from .speech.windows import Windows

Array = NDArray[Any]

_AT_ONCE_S: Final = 0.25  # at most at once, so that windows are answered before their frames are forgotten
_ROUNDING_S: Final = 1e-6


def timeline(
    source: Source,
    model: str | os.PathLike[str] | EmotionClassifier = DEFAULT_MODEL,
    *,
    window_s: float | None = None,
    step_s: float | None = None,
) -> Iterator[Prediction]:
    """The answers about one window of a recording after the other, each as soon as it can be given.

    Recordings may last for hours: only the latest seconds are in memory. See `answered` for which windows there are.

    Args:
        source: a path or a binary file object; any rate, channel count and format that libsndfile reads.
        model: the name of a shipped model, the path of a `.tflite` file with a recipe, or a classifier. The profile of
            one that has it is taken into account, and learns nothing.
        window_s: length of a window, 0.2 to 60 s; by default the model's choice.
        step_s: from one window to the next, 0.05 s to the length of a window; by default the model's choice.

    Raises:
        SettingsError: a length out of its range.
        ModelError, InterpreterError: the model cannot be used.
        AudioError: the recording is missing, damaged, empty or not audio; while iterating.

    Example:
        >>> from emotion_edge import timeline
        >>> for window in timeline("hello-slow.wav", step_s=1.0):
        ...     print(f"{window.start_s:.1f} to {window.end_s:.1f} s: {window.status}")  # doctest: +ELLIPSIS
        0.0 to 2.5 s: ...
        1.0 to 3.5 s: ...
        1.6 to 4.1 s: ...
    """
    classifier = model if isinstance(model, EmotionClassifier) else EmotionClassifier(model)
    windows = Windows.of(classifier.recipe, window_s, step_s)
    return answered(classifier, whole(source, classifier), windows)


def whole(source: Source, classifier: EmotionClassifier) -> Iterator[Array]:
    """All of a recording, however long, as blocks for a classifier."""
    return read_blocks(source, sample_rate_hz=classifier.sample_rate_hz, longest_s=math.inf)


def answered(classifier: EmotionClassifier, blocks: Iterable[Array], windows: Windows) -> Iterator[Prediction]:
    """The answers about the windows of a recording.

    Windows begin every `step_s` seconds, and the last ends where the recording does; a recording no longer than a window
    is one window, answered as `classify` answers it. Whether a window is speech is decided as there, too: it must be loud
    enough, and the log odds of the speech gate, averaged with one of its neighbours', must be above those of `classify`.
    The gate is asked about 0.8 s where windows are shorter. It learnt from up to 2 s, and is less sure of more.

    The answers do not depend on how the recording is cut into blocks.

    Args:
        classifier: its profile is taken into account and learns nothing.
        blocks: mono, float32, each of shape (n,), at the classifier's rate.
        windows: which.

    Raises:
        AudioError: what the blocks raise.
    """
    hearing = _Hearing(classifier, windows)
    for block in blocks:
        for first in range(0, len(block), hearing.most_at_once):
            hearing.process(block[first : first + hearing.most_at_once])
            yield from hearing.answered()
    hearing.finish()
    yield from hearing.answered()


class _Window(NamedTuple):
    """What was heard in a window; `log_odds` of speech are None where nobody asked the gate."""

    start_s: float
    end_s: float
    vector: Array
    loud: bool
    log_odds: float | None


class _Hearing:
    """Hears a recording, and answers about a window once its successor, whose log odds it needs, is heard too."""

    def __init__(self, classifier: EmotionClassifier, windows: Windows) -> None:
        rate = classifier.sample_rate_hz
        keep_s = max(windows.window_s, SHORTEST_S) + 2 * _AT_ONCE_S + 1
        self.most_at_once: Final = round(_AT_ONCE_S * rate)
        self._classifier: Final = classifier
        self._gate: Final = classifier.gate
        self._window_s, self._step_s, self._rate = windows.window_s, windows.step_s, rate
        self._emotion_frames: Final = RecentFrames(classifier, rate, keep_s=keep_s)
        self._speech_frames: Final = None if self._gate is None else RecentFrames(self._gate, rate, keep_s=keep_s)
        self._frames: Final = [frames for frames in (self._emotion_frames, self._speech_frames) if frames is not None]
        self._loud_blocks: Final = LoudBlocks(rate)
        self._loud: Final[deque[bool]] = deque(
            maxlen=math.ceil(keep_s / self._loud_blocks.block_s)
        )  # the latest blocks
        self._n_blocks = self._n_heard = self._n_windows = 0
        self._told_s = 0.0  # where the last window ended
        self._over = False
        self._before: float | None = None  # the log odds of the window before the one that waits
        self._waiting: _Window | None = None

    def process(self, samples: Array) -> None:
        for frames in self._frames:
            frames.process(samples)
        loud = self._loud_blocks.process(samples).tolist()
        self._loud.extend(loud)
        self._n_blocks += len(loud)
        self._n_heard += len(samples)

    def finish(self) -> None:
        for frames in self._frames:
            frames.finish()
        self._over = True

    def answered(self) -> Iterator[Prediction]:
        """The answers that can be given by now."""
        for window in self._heard():
            if self._waiting is not None:
                yield self._answer(self._waiting, window.log_odds)
                self._before = self._waiting.log_odds
            self._waiting = window
        if self._over and self._waiting is not None:
            yield self._answer(self._waiting, None)
            self._waiting = None

    def _heard(self) -> Iterator[_Window]:
        heard_s = self._n_heard / self._rate
        while True:
            start_s = self._n_windows * self._step_s
            end_s = start_s + self._window_s
            if end_s > heard_s + _ROUNDING_S or not self._ready(end_s):
                break
            yield self._window(start_s, end_s)
        rest_s = heard_s - self._told_s
        if self._over and (not self._n_windows or rest_s >= SHORTEST_REST_S):
            yield self._window(max(0.0, heard_s - self._window_s), heard_s)

    def _ready(self, end_s: float) -> bool:
        if self._over:
            return True
        all_levels = self._n_blocks >= self._block_number(end_s)
        return all_levels and all(frames.ready(end_s) for frames in self._frames)

    def _block_number(self, at_s: float) -> int:
        return round(at_s / self._loud_blocks.block_s)

    def _window(self, start_s: float, end_s: float) -> _Window:
        self._n_windows += 1
        self._told_s = end_s
        return _Window(start_s, end_s, self._emotion_frames.vector(start_s, end_s), *self._speech(start_s, end_s))

    def _speech(self, start_s: float, end_s: float) -> tuple[bool, float | None]:
        """Whether it is loud enough, and the log odds of speech."""
        n_gone = self._n_blocks - len(self._loud)
        first, last = (max(0, self._block_number(at_s) - n_gone) for at_s in (start_s, end_s))
        loud = enough(sum(list(self._loud)[first:last]))
        if self._gate is None or self._speech_frames is None or end_s < SHORTEST_S:
            return loud, None
        asked_from_s = max(0.0, min(start_s, end_s - SHORTEST_S))
        return loud, log_odds(self._gate, self._speech_frames.probabilities(asked_from_s, end_s))

    def _answer(self, window: _Window, after: float | None) -> Prediction:
        features = Features(
            window.vector, window.end_s - window.start_s, window.loud and self._is_speech(window, after)
        )
        return replace(self._classifier.predict(features), start_s=window.start_s, end_s=window.end_s)

    def _is_speech(self, window: _Window, after: float | None) -> bool:
        own = window.log_odds
        if own is None:
            return True
        neighbours = [odds for odds in (self._before, after) if odds is not None]
        return bool(np.mean([own, max(neighbours, default=own)]) > LOG_ODDS_ABOVE)
