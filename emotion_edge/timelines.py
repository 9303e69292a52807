"""What a recording carries over time: windows of one length, each answered, with no more than the latest in memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .classifier import EmotionClassifier, Features
from .live.settings import ListenSettings
from .prediction import Prediction
from .speech.gate import LOG_ODDS_ABOVE, SHORTEST_REST_S, SHORTEST_S, log_odds
from .speech.level import LoudBlocks, enough
from .speech.recent_frames import RecentFrames

Array = NDArray[Any]

_PIECE_S: Final = 0.25  # at most at once, so that windows are answered before their frames are forgotten
_ROUNDING_S: Final = 1e-6


def timeline(
    classifier: EmotionClassifier,
    blocks: Iterable[Array],
    *,
    window_s: float | None = None,
    step_s: float | None = None,
) -> Iterator[Prediction]:
    """Answers about one window of a recording after the other, each as soon as it can be given.

    Windows begin every `step_s` seconds, and the last ends where the recording does; of a recording no longer than a window
    there is one, answered as `classify` answers it. Whether a window is speech is decided as there, too: it must be loud
    enough, and the log odds of the speech gate, averaged with one of its neighbours', above those of `classify`. The gate
    is asked about 0.8 s where windows are shorter. It learnt from up to 2 s, and is less sure of more.

    The answers do not depend on how the recording is cut into blocks.

    Args:
        classifier: who answers; its profile is taken into account and learns nothing.
        blocks: mono, float32, each of shape (n,), at the classifier's rate, as `emotion_edge.audio` makes them.
        window_s: length of a window, 0.5 to 60 s; by default the model's choice.
        step_s: from one window to the next, 0.05 s to the length of a window; by default the model's choice.

    Raises:
        SettingsError: a length out of its range, before anything is heard.
        AudioError: what the blocks raise.
    """
    settings = ListenSettings(window_s=window_s, step_s=step_s).for_model(classifier.recipe)
    assert settings.window_s is not None
    assert settings.step_s is not None
    return _answers(_Windows(classifier, settings.window_s, settings.step_s), blocks)


def _answers(windows: _Windows, blocks: Iterable[Array]) -> Iterator[Prediction]:
    for block in blocks:
        for first in range(0, len(block), windows.piece_length):
            windows.push(block[first : first + windows.piece_length])
            yield from windows.answered()
    windows.finish()
    yield from windows.answered()


class _Window(NamedTuple):
    """What was heard in a window; `log_odds` of speech are None where nobody asked the gate."""

    start_s: float
    end_s: float
    vector: Array
    loud: bool
    log_odds: float | None


class _Windows:
    """Hears a recording, and answers about a window once its successor, whose log odds it needs, is heard too."""

    def __init__(self, classifier: EmotionClassifier, window_s: float, step_s: float) -> None:
        rate = classifier.recipe.mfcc.sample_rate_hz
        keep_s = max(window_s, SHORTEST_S) + 2 * _PIECE_S + 1
        self.piece_length: Final = round(_PIECE_S * rate)
        self._classifier: Final = classifier
        self._gate: Final = classifier.gate
        self._window_s, self._step_s, self._rate = window_s, step_s, rate
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

    def push(self, samples: Array) -> None:
        for frames in self._frames:
            frames.push(samples)
        loud = self._loud_blocks.push(samples).tolist()
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
