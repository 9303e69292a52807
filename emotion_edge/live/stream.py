"""Blocks of sound -> utterances and frames -> windows -> speech -> emotion -> events. No threads, no devices."""

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

_BLOCK_S: Final = 0.25  # the longest block, so that windows are decided before their frames are dropped
_ROUNDING_S: Final = 1e-6


@dataclass(frozen=True)
class StreamStatus:
    """The current state of a stream, for a display.

    Attributes:
        heard_s: seconds of the stream so far, including gaps.
        level_dbfs: the level of the last 0.1 s in dB of full scale; a sine at full scale has -3.
        sound: whether the sound is louder than the background.
        speech: the probability that the current utterance is speech, 0 to 1; None if nothing has been decided yet.
        verdict: the label that is held, or `uncertain`; None if there is neither.
        probabilities: the smoothed probability of every label; empty while there is no speech.
    """

    heard_s: float
    level_dbfs: float
    sound: bool
    speech: float | None
    verdict: str | None
    probabilities: Mapping[str, float]


class EmotionStream:
    """Turns a stream of samples from any source into events. `Listener` does the same for a microphone.

    The events do not depend on the sizes of the blocks in which the samples arrive.

    Args:
        sample_rate_hz: the sample rate of the stream in Hz.
        model: the name of a shipped model, the path of a `.tflite` file with a recipe, or a classifier. If the
            classifier has a voice profile, the profile learns from each utterance at its end.
        settings: windows, speech gate and thresholds.

    Attributes:
        classifier: the classifier in use.
        settings: the settings in use, with the model's values where there was None.

    Raises:
        AudioError: the sample rate is out of range.
        ModelError, InterpreterError: the model cannot be used.
        SettingsError: the settings do not suit the model.

    Examples:
        >>> import numpy as np, wave
        >>> from emotion_edge import EmotionStream
        >>> with wave.open("hello.wav") as file:
        ...     rate = file.getframerate()
        ...     samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        >>> stream, events = EmotionStream(rate), []
        >>> for start in range(0, len(samples), 1024):  # blocks of any size
        ...     events += stream.process(samples[start : start + 1024])
        >>> events += stream.finish()
        >>> [event.kind for event in events]
        ['enter', 'leave']
        >>> print(events[-1])
        leave neutral 0.86  0.0-2.4 s
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
        self._voice: Features | None = None  # of the last window of the current utterance that is speech
        recipe = self.classifier.recipe
        self._tracker: Final = EventTracker(recipe.labels, recipe.name, self.settings, self._wall_clock)
        self._wall_s = 0.0  # the time of day at the end of the last block
        self._start_s = 0.0  # when the sound since the last gap began
        self._reset(sample_rate_hz)

    @property
    def heard_s(self) -> float:
        """Seconds of the stream so far, including gaps."""
        return self._start_s + self._n_samples / self._rate

    @property
    def status(self) -> StreamStatus:
        """The current state of the stream, for a display."""
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
        """Process a block of samples and return its events, which may be none.

        Args:
            samples: shape (n,) or (n, channels); float in -1..1, or int16, int32 or uint8 at full scale. Channels are
                averaged.
            heard_at: when the last sample was recorded, in seconds since the epoch; by default now. Only `Event.time`
                depends on it, so the stream does not suffer if the clock is set meanwhile.

        Raises:
            AudioError: the samples have another shape or dtype, or are not finite. None of them is processed then.
        """
        samples = mono(samples)
        self._wall_s = time.time() if heard_at is None else heard_at
        block_length = max(1, round(_BLOCK_S * self._rate))
        events = []
        self._n_samples += len(samples)
        for first in range(0, len(samples), block_length):
            block = samples[first : first + block_length]
            self._emotion_frames.process(block)
            self._speech_frames.process(block)
            self._windows.extend(self._utterances.process(block))
            events += self._decide()
        return events

    def finish(self) -> list[Event]:
        """End the current utterance and return its last events. No label is held afterwards.

        The stream may continue with `process`.
        """
        return self.skip(0.0)

    def skip(self, seconds: float, *, sample_rate_hz: float | None = None) -> list[Event]:
        """End the current utterance and skip a gap in the sound.

        Args:
            seconds: the length of the gap.
            sample_rate_hz: the sample rate after the gap in Hz; by default the same as before.

        Returns:
            The last events of the current utterance, as `finish` returns them.

        Raises:
            AudioError: the sample rate is out of range.
        """
        self._emotion_frames.finish()
        self._speech_frames.finish()
        self._windows.extend(self._utterances.flush())
        events = self._decide()
        self._start_s = self.heard_s + seconds
        self._reset(sample_rate_hz or self._rate)
        return events

    def _reset(self, sample_rate_hz: float) -> None:
        settings = self.settings
        check_rate(sample_rate_hz, "the stream")
        self._rate = sample_rate_hz
        self._n_samples = 0
        self._windows: deque[Window] = deque()
        self._utterances = Utterances(
            sample_rate_hz,
            windows=self._windows_wanted,
            pause_s=settings.pause_s,
            above_background_db=settings.above_background_db,
        )
        keep_s = self._windows_wanted.window_s + settings.pause_s + 2 * _BLOCK_S + 1
        self._emotion_frames = RecentFrames(self.classifier, sample_rate_hz, keep_s=keep_s)
        self._speech_frames = RecentFrames(self._gate, sample_rate_hz, keep_s=keep_s)

    def _decide(self) -> list[Event]:
        events = []
        while self._windows and all(
            frames.ready(self._windows[0].end_s) for frames in (self._emotion_frames, self._speech_frames)
        ):
            window = self._windows.popleft()
            events += self._tracker.process(_shifted(window, self._start_s), self._probabilities(window))
            if window.over:
                self._learn()
                self._speech = None
        return events

    def _probabilities(self, window: Window) -> NDArray[Any] | None:
        """Return the probabilities of the labels, shape (n_labels,); None if the window is too short or not speech."""
        if window.end_s - window.start_s < self.settings.shortest_s - _ROUNDING_S:
            return None
        # The gate was trained on windows of this length and gets none that are longer.
        gate_start_s = max(window.start_s, window.end_s - self._gate.recipe.window_s)
        answer = self._speech_frames.probabilities(gate_start_s, window.end_s)
        smoothed = self._smooth_speech(_shifted(window, self._start_s), answer)
        self._speech = float(smoothed[self._gate.recipe.labels.index(SPEECH)])
        _log.debug("%.1f to %.1f s: probability of speech %.2f", window.start_s, window.end_s, self._speech)
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


def _shifted(window: Window, seconds: float) -> Window:
    return Window(window.utterance_start_s + seconds, window.start_s + seconds, window.end_s + seconds, window.over)
