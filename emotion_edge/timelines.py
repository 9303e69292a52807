"""Predictions for a recording over time, one for each window. Only the latest seconds are in memory."""

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

_LONGEST_BLOCK_S: Final = 0.25  # longer blocks are split, so that no frame is dropped before its window is classified
_ROUNDING_S: Final = 1e-6


def timeline(
    source: Source,
    model: str | os.PathLike[str] | EmotionClassifier = DEFAULT_MODEL,
    *,
    window_s: float | None = None,
    step_s: float | None = None,
) -> Iterator[Prediction]:
    """Yield a prediction for each window of a recording, in order, as soon as possible.

    The recording may be hours long: only the latest seconds are in memory. Windows begin every `step_s` seconds, and
    the last one ends where the recording ends. A recording that is not longer than one window has one window.

    Args:
        source: a path or a binary file object, with any rate, number of channels and format that libsndfile reads.
        model: the name of a shipped model, the path of a `.tflite` file with a recipe, or a classifier. If the
            classifier has a profile, it is used but does not learn.
        window_s: the length of a window, 0.2 to 60 s; by default the model decides.
        step_s: the time from the start of one window to the start of the next, 0.05 s to `window_s`; by default the
            model decides.

    Yields:
        A `Prediction` for each window; `start_s` and `end_s` are seconds from the start of the recording.

    Raises:
        SettingsError: `window_s` or `step_s` is out of range.
        ModelError, InterpreterError: the model cannot be used.
        AudioError: the recording is missing, damaged, empty or not audio. It is raised during the iteration.

    Examples:
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
    """Read a recording of any length as blocks for a classifier."""
    return read_blocks(source, sample_rate_hz=classifier.sample_rate_hz, longest_s=math.inf)


def answered(classifier: EmotionClassifier, blocks: Iterable[Array], windows: Windows) -> Iterator[Prediction]:
    """Yield a prediction for each window of a recording.

    Windows begin every `step_s` seconds, and the last one ends where the recording ends. A recording that is not longer
    than one window has one window, and its prediction is that of `classify`. Speech is detected as in `classify`: a
    window must be loud enough, and the log odds of the speech gate, averaged with those of one neighbour, must be above
    the threshold of `classify`. If windows are shorter than 0.8 s, the gate receives 0.8 s. It was trained on up to 2
    s, and is less certain about longer windows.

    The predictions do not depend on how the recording is split into blocks.

    Args:
        classifier: its profile is used but does not learn.
        blocks: mono, float32, each of shape (n,), at the classifier's rate.
        windows: the length of the windows and the step between them.

    Raises:
        AudioError: the blocks raise it.
    """
    timeline = _Timeline(classifier, windows)
    for block in blocks:
        for first in range(0, len(block), timeline.longest_block):
            timeline.process(block[first : first + timeline.longest_block])
            yield from timeline.predictions()
    timeline.finish()
    yield from timeline.predictions()


class _Window(NamedTuple):
    """The features of a window. `log_odds` of speech is None if the gate was not used."""

    start_s: float
    end_s: float
    vector: Array
    loud: bool
    log_odds: float | None


class _Timeline:
    """Classifies the windows of a recording. Each waits for the next window, whose log odds it needs."""

    def __init__(self, classifier: EmotionClassifier, windows: Windows) -> None:
        rate = classifier.sample_rate_hz
        keep_s = max(windows.window_s, SHORTEST_S) + 2 * _LONGEST_BLOCK_S + 1
        self.longest_block: Final = round(_LONGEST_BLOCK_S * rate)  # samples
        self._classifier: Final = classifier
        self._gate: Final = classifier.gate
        self._window_s, self._step_s, self._rate = windows.window_s, windows.step_s, rate
        self._emotion_frames: Final = RecentFrames(classifier, rate, keep_s=keep_s)
        self._speech_frames: Final = None if self._gate is None else RecentFrames(self._gate, rate, keep_s=keep_s)
        self._frames: Final = [frames for frames in (self._emotion_frames, self._speech_frames) if frames is not None]
        self._loud_blocks: Final = LoudBlocks(rate)
        n_kept = math.ceil(keep_s / self._loud_blocks.block_s)
        self._loud: Final[deque[bool]] = deque(maxlen=n_kept)  # the latest blocks
        self._n_blocks = self._n_samples = self._n_windows = 0
        self._last_end_s = 0.0  # where the last window ended
        self._over = False
        self._before: float | None = None  # the log odds of the window before the waiting one
        self._waiting: _Window | None = None

    def process(self, samples: Array) -> None:
        for frames in self._frames:
            frames.process(samples)
        loud = self._loud_blocks.process(samples).tolist()
        self._loud.extend(loud)
        self._n_blocks += len(loud)
        self._n_samples += len(samples)

    def finish(self) -> None:
        for frames in self._frames:
            frames.finish()
        self._over = True

    def predictions(self) -> Iterator[Prediction]:
        """Yield the predictions that are possible by now."""
        for window in self._complete_windows():
            if self._waiting is not None:
                yield self._predict(self._waiting, window.log_odds)
                self._before = self._waiting.log_odds
            self._waiting = window
        if self._over and self._waiting is not None:
            yield self._predict(self._waiting, None)
            self._waiting = None

    def _complete_windows(self) -> Iterator[_Window]:
        now_s = self._n_samples / self._rate
        while True:
            start_s = self._n_windows * self._step_s
            end_s = start_s + self._window_s
            if end_s > now_s + _ROUNDING_S or not self._ready(end_s):
                break
            yield self._window(start_s, end_s)
        rest_s = now_s - self._last_end_s
        if self._over and (not self._n_windows or rest_s >= SHORTEST_REST_S):
            yield self._window(max(0.0, now_s - self._window_s), now_s)

    def _ready(self, end_s: float) -> bool:
        if self._over:
            return True
        levels_known = self._n_blocks >= self._block_number(end_s)
        return levels_known and all(frames.ready(end_s) for frames in self._frames)

    def _block_number(self, at_s: float) -> int:
        return round(at_s / self._loud_blocks.block_s)

    def _window(self, start_s: float, end_s: float) -> _Window:
        self._n_windows += 1
        self._last_end_s = end_s
        return _Window(start_s, end_s, self._emotion_frames.vector(start_s, end_s), *self._speech(start_s, end_s))

    def _speech(self, start_s: float, end_s: float) -> tuple[bool, float | None]:
        """Whether a window is loud enough, and its log odds of speech."""
        n_dropped = self._n_blocks - len(self._loud)
        first, last = (max(0, self._block_number(at_s) - n_dropped) for at_s in (start_s, end_s))
        loud = enough(sum(list(self._loud)[first:last]))
        if self._gate is None or self._speech_frames is None or end_s < SHORTEST_S:
            return loud, None
        gate_start_s = max(0.0, min(start_s, end_s - SHORTEST_S))
        return loud, log_odds(self._gate, self._speech_frames.probabilities(gate_start_s, end_s))

    def _predict(self, window: _Window, after: float | None) -> Prediction:
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
