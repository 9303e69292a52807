"""Sound in pieces -> utterances and frames -> windows -> speech? -> which emotion? -> events. No threads, no devices."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from numpy.typing import ArrayLike, NDArray

from ..audio.resampling import check_rate
from ..audio.samples import mono
from ..classifier import EmotionClassifier, Features
from ..features.fft import prepare_for_long
from ..model.file import DEFAULT_MODEL
from ..speech.gate import SPEECH
from ..speech.recent_frames import RecentFrames
from ..speech.utterances import Utterances, Window
from .events import Event, EventTracker, Smoothing
from .settings import ListenSettings

_log = logging.getLogger(__name__)

_PIECE_S: Final = 0.25  # at most at once, so that windows are answered before their frames are forgotten
_ROUNDING_S: Final = 1e-6


@dataclass(frozen=True)
class StreamStatus:
    """How a stream stands, for a display.

    Attributes:
        heard_s: seconds of the stream so far, gaps included.
        level_dbfs: of the last 0.1 s; a sine at full scale has -3.
        sound: whether something is louder than the background.
        speech: the probability that it is speech; None while nothing was decided.
        verdict: the label that is held, or `uncertain`; None where nothing is.
        probabilities: of every label, smoothed; empty while nobody speaks.
    """

    heard_s: float
    level_dbfs: float
    sound: bool
    speech: float | None
    verdict: str | None
    probabilities: Mapping[str, float]


class EmotionStream:
    """Answers a stream of samples with events: what `Listener` runs on a microphone, for sound from anywhere.

    The events do not depend on how the samples are cut into pieces.

    Args:
        sample_rate_hz: of the stream.
        model: the name of a shipped model, the path of a `.tflite` file with a recipe, or a classifier. The profile of
            one that has it learns from each utterance when it is over.
        settings: windows, gate and thresholds.

    Raises:
        AudioError: no rate that sound has.
        ModelError, InterpreterError: the model cannot be used.
        SettingsError: the settings do not go with the model.
    """

    def __init__(
        self,
        sample_rate_hz: float,
        model: str | os.PathLike[str] | EmotionClassifier = DEFAULT_MODEL,
        *,
        settings: ListenSettings | None = None,
    ) -> None:
        self.classifier: Final = model if isinstance(model, EmotionClassifier) else EmotionClassifier(model)
        self.settings: Final = (settings or ListenSettings()).for_model(self.classifier.recipe)
        self._windows_wanted: Final = self.settings.windows(self.classifier.recipe)
        self._gate: Final = self.classifier.gate or self.classifier
        prepare_for_long()
        self._smooth_speech: Final = Smoothing(self.settings.smoothing_s)
        self._speech: float | None = None
        self._voice: Features | None = None  # the utterance so far, as its last window of speech has it
        recipe = self.classifier.recipe
        self._tracker: Final = EventTracker(recipe.labels, recipe.name, self.settings, self._wall_clock)
        self._wall_s = 0.0  # what the clock said at the end of what was heard
        self._start_s = 0.0  # of the present stretch without gaps
        self._begin(sample_rate_hz)

    @property
    def heard_s(self) -> float:
        """Seconds of the stream so far, gaps included."""
        return self._start_s + self._n_heard / self._rate

    @property
    def status(self) -> StreamStatus:
        """How things stand."""
        utterances, tracker = self._utterances, self._tracker
        return StreamStatus(
            heard_s=self.heard_s,
            level_dbfs=utterances.level_dbfs,
            sound=utterances.speaking,
            speech=self._speech,
            verdict=tracker.verdict,
            probabilities=tracker.probabilities,
        )

    def process(self, samples: ArrayLike, *, heard_at: float | None = None) -> list[Event]:
        """The events that these samples bring about.

        Args:
            samples: shape (n,) or (n, channels); float in -1..1, or int16, int32 or uint8 at full scale.
            heard_at: when the last of them was heard, in seconds since the epoch; now by default. Only `Event.time`
                depends on it, so a clock that is set while the stream goes on does no harm.

        Raises:
            AudioError: another shape or dtype, or samples that are not finite; none of them is heard then.
        """
        samples = mono(samples)
        self._wall_s = time.time() if heard_at is None else heard_at
        piece = max(1, round(_PIECE_S * self._rate))
        events = []
        self._n_heard += len(samples)
        for first in range(0, len(samples), piece):
            some = samples[first : first + piece]
            self._emotion_frames.process(some)
            self._speech_frames.process(some)
            self._windows.extend(self._utterances.process(some))
            events += self._answer()
        return events

    def finish(self) -> list[Event]:
        """The events that the end of the sound brings about; nothing is held afterwards. The stream may go on."""
        return self.skip(0.0)

    def skip(self, seconds: float, *, sample_rate_hz: float | None = None) -> list[Event]:
        """Go over a gap in the sound: as `finish`, and the stream goes on so much later, perhaps at another rate."""
        self._emotion_frames.finish()
        self._speech_frames.finish()
        self._windows.extend(self._utterances.flush())
        events = self._answer()
        self._start_s = self.heard_s + seconds
        self._begin(sample_rate_hz or self._rate)
        return events

    def _begin(self, sample_rate_hz: float) -> None:
        settings = self.settings
        check_rate(sample_rate_hz, "the stream")
        self._rate = sample_rate_hz
        self._n_heard = 0
        self._windows: deque[Window] = deque()
        self._utterances = Utterances(
            sample_rate_hz,
            windows=self._windows_wanted,
            pause_s=settings.pause_s,
            above_background_db=settings.above_background_db,
        )
        keep_s = self._windows_wanted.window_s + settings.pause_s + 2 * _PIECE_S + 1
        self._emotion_frames = RecentFrames(self.classifier, sample_rate_hz, keep_s=keep_s)
        self._speech_frames = RecentFrames(self._gate, sample_rate_hz, keep_s=keep_s)

    def _answer(self) -> list[Event]:
        events = []
        while self._windows and all(
            frames.ready(self._windows[0].end_s) for frames in (self._emotion_frames, self._speech_frames)
        ):
            window = self._windows.popleft()
            events += self._tracker.process(_later(window, self._start_s), self._probabilities(window))
            if window.over:
                self._learn()
                self._speech = None
        return events

    def _probabilities(self, window: Window) -> NDArray[Any] | None:
        """Of the labels; None where it is too short or no speech."""
        if window.end_s - window.start_s < self.settings.shortest_s - _ROUNDING_S:
            return None
        heard_from_s = max(window.start_s, window.end_s - self._gate.recipe.window_s)  # it has learnt from no more
        answer = self._speech_frames.probabilities(heard_from_s, window.end_s)
        smoothed = self._smooth_speech(_later(window, self._start_s), answer)
        self._speech = float(smoothed[self._gate.recipe.labels.index(SPEECH)])
        _log.debug("%.1f to %.1f s: %.2f that it is speech", window.start_s, window.end_s, self._speech)
        if self._speech < self.settings.speech_above:
            return None
        vector = self._emotion_frames.vector(window.start_s, window.end_s)
        self._voice = Features(vector=vector, duration_s=window.end_s - window.utterance_start_s, speech=True)
        probabilities = self.classifier.probabilities(vector)
        _log.debug("%s", dict(zip(self.classifier.recipe.labels, probabilities.round(2).tolist(), strict=True)))
        return probabilities

    def _learn(self) -> None:
        if self._voice is not None:
            self.classifier.learn(self._voice)
        self._voice = None

    def _wall_clock(self, stream_s: float) -> datetime:
        return datetime.fromtimestamp(self._wall_s - (self.heard_s - stream_s), timezone.utc)


def _later(window: Window, seconds: float) -> Window:
    return Window(window.utterance_start_s + seconds, window.start_s + seconds, window.end_s + seconds, window.over)
