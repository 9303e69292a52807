"""The live loop: a thread that processes sound, and events for the program that uses it."""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from numbers import Real
from pathlib import Path
from types import TracebackType
from typing import Final

from ..classifier import EmotionClassifier
from ..errors import SettingsError
from ..model.file import DEFAULT_MODEL
from .event_queue import EventQueue
from .events import Event
from .input_check import InputCheck
from .recorder import EventRecorder
from .settings import ListenSettings
from .sources import MicrophoneSource, SoundSource, SourceBlock
from .stream import EmotionStream, StreamStatus

_log = logging.getLogger(__name__)

_MOST_EVENTS: Final = 1000  # some minutes of speech
_LONGEST_STOP_S: Final = 5.0
_FAILURES_PER_LINE: Final = 100


class Listener:
    """Listens to a microphone and reports the emotions of the voices.

    Iterate over it in a `with` block, or pass `on_event` and call `start` and `stop`. A separate thread processes the
    sound, so no sound is lost if your loop or function is slow. If the microphone is unplugged, the listener searches
    for it by its name until it is plugged in again.

    Args:
        model: the name of a shipped model, the path of a `.tflite` file with a recipe, or a classifier. If the
            classifier has a voice profile, the profile learns from each utterance at its end.
        device: the number or part of the name of a microphone, as `emotion-edge devices` lists them; None for the
            default one.
        source: a `FileSource`, `PipeSource` or `MicrophoneSource` to listen to; by default the microphone `device`.
        on_event: a function that gets each event, in another thread; you cannot iterate then. Its exceptions are
            logged.
        settings: windows, speech gate and thresholds.
        record_to: a folder where the sound of each finished event is saved as a WAV file; by default no sound is saved.
        duration_s: stop after this many seconds of sound; by default never.

    Attributes:
        classifier: the classifier in use.
        settings: the settings in use, with the model's values where there was None.
        source: the source of the sound.

    Raises:
        ModelError, InterpreterError: the model cannot be used.
        SettingsError: `duration_s` is not above 0, or the settings do not suit the model.
        TypeError: an argument has the wrong type.

    Examples:
        Here a file stands for the microphone:

        >>> from emotion_edge import FileSource, Listener
        >>> with Listener(source=FileSource("hello.wav")) as listener:
        ...     for event in listener:
        ...         print(event)
        enter neutral 0.86  0.0-2.4 s
        leave neutral 0.86  0.0-2.4 s

        The same with a function:

        >>> Listener(source=FileSource("hello.wav"), on_event=print).start().wait()
        enter neutral 0.86  0.0-2.4 s
        leave neutral 0.86  0.0-2.4 s
        True
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | EmotionClassifier = DEFAULT_MODEL,
        *,
        device: int | str | None = None,
        source: SoundSource | None = None,
        on_event: Callable[[Event], object] | None = None,
        settings: ListenSettings | None = None,
        record_to: str | os.PathLike[str] | None = None,
        duration_s: float | None = None,
    ) -> None:
        _check_arguments(source, on_event, settings, duration_s)
        self.classifier: Final = model if isinstance(model, EmotionClassifier) else EmotionClassifier(model)
        self.settings: Final = (settings or ListenSettings()).for_model(self.classifier.recipe)
        self.source: Final[SoundSource] = source or MicrophoneSource(device)
        self._on_event: Final = on_event
        self._duration_s: Final = duration_s
        self._recorder: Final = None if record_to is None else EventRecorder(Path(record_to))
        self._stop: Final = threading.Event()
        self._events: Final = EventQueue(_MOST_EVENTS, lossy=self.source.live, stop=self._stop)
        self._threads: list[threading.Thread] = []
        self._stream: EmotionStream | None = None
        self._error: Exception | None = None

    def start(self) -> Listener:
        """Open the source and start to listen.

        Returns:
            The listener itself.

        Raises:
            MicrophoneError, AudioError: the source cannot be opened.
            RuntimeError: the listener was started before.
        """
        if self._threads:
            raise RuntimeError("this listener was started before: create a new one")
        rate = self.source.open()
        self._stream = EmotionStream(rate, self.classifier, settings=self.settings)
        self._threads.append(threading.Thread(target=self._listen, args=(self._stream, rate), name="listener"))
        if self._on_event is not None:
            self._threads.append(threading.Thread(target=self._call, args=(self._on_event,), name="on_event"))
        # PortAudio hangs if Python exits while a thread closes a stream, so the thread must end first.
        atexit.register(self.stop)
        for thread in self._threads:
            thread.daemon = True
            thread.start()
        return self

    def stop(self, *, wait: bool = True) -> None:
        """Stop listening. A label that is held is left, and this last event is still delivered.

        Args:
            wait: whether to wait for the threads to end, at most 5 s. With False, `stop` may be called from a signal
                handler.
        """
        self._stop.set()
        if wait:
            self.wait(_LONGEST_STOP_S)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the sound has ended and all events have been delivered.

        Args:
            timeout_s: the longest time to wait, in seconds; None for no limit.

        Returns:
            Whether the listener has finished within this time.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(None if until is None else max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def status(self) -> StreamStatus | None:
        """The current state of the stream, for a display; None before the start."""
        return None if self._stream is None else self._stream.status

    def poll(self, timeout_s: float | None = None) -> Event | None:
        """Return the next event, or None after `timeout_s` seconds without one, or if there are no more events.

        Args:
            timeout_s: the longest time to wait, in seconds; None for no limit.

        Raises:
            RuntimeError: the listener was not started, or `on_event` gets the events.
        """
        self._check_started()
        return self._events.get(timeout_s)

    @property
    def finished(self) -> bool:
        """Whether the sound has ended and all events have been read.

        Raises:
            AudioError: the sound ended with an error.
            RuntimeError: the listener was not started, or `on_event` gets the events.
        """
        self._check_started()
        if not self._events.drained:
            return False
        if self._error is not None:
            raise self._error
        return True

    def __iter__(self) -> Iterator[Event]:
        while not self.finished:
            event = self.poll()
            if event is not None:
                yield event

    def __enter__(self) -> Listener:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listen(self, stream: EmotionStream, sample_rate_hz: int) -> None:
        check = InputCheck(sample_rate_hz, self.source.name)
        try:
            for block in self.source.blocks(self._stop):
                if block.gap_s is not None:
                    self._deliver(stream.skip(block.gap_s, sample_rate_hz=block.sample_rate_hz))
                    check = InputCheck(block.sample_rate_hz, self.source.name)
                if self._process(stream, check, block) or self._stop.is_set():
                    break
            self._deliver(stream.finish())
        except Exception as error:  # `finished` raises it in the thread that reads the events
            self._error = error
            if self._on_event is not None:
                _log.error("%s", error)
        finally:
            self._stop.set()
            self.source.close()
            self._events.close()
            atexit.unregister(self.stop)

    def _process(self, stream: EmotionStream, check: InputCheck, block: SourceBlock) -> bool:
        """Process one block and return whether `duration_s` is reached."""
        samples = check.clean(block.samples)
        n_left = math.inf
        if self._duration_s is not None:
            n_left = max(0, round((self._duration_s - stream.heard_s) * block.sample_rate_hz))
        over = len(samples) >= n_left
        if over:
            samples = samples[: int(n_left)]
        events = stream.process(samples, heard_at=block.heard_at)
        if self._recorder is not None:
            self._recorder.process(samples, block.sample_rate_hz, stream.heard_s)
        self._deliver(events)
        return over

    def _deliver(self, events: list[Event]) -> None:
        for event in events:
            if self._recorder is not None and event.kind == "leave":
                self._recorder.save(event)
            self._events.put(event)

    def _call(self, on_event: Callable[[Event], object]) -> None:
        n_failed = 0
        while not self._events.drained:
            event = self._events.get()
            if event is None:
                continue
            try:
                on_event(event)
            except Exception as error:
                n_failed += 1
                _log_failure(event, error, n_failed)

    def _check_started(self) -> None:
        if not self._threads:
            raise RuntimeError("this listener was not started: use it in a with block, or call start()")
        if self._on_event is not None:
            raise RuntimeError("on_event gets the events: to iterate over them, create a listener without on_event")


def _check_arguments(source: object, on_event: object, settings: object, duration_s: object) -> None:
    if source is not None and not hasattr(source, "blocks"):
        raise TypeError(
            f"source: got {source!r}, wanted a FileSource, PipeSource or MicrophoneSource from emotion_edge"
        )
    if on_event is not None and not callable(on_event):
        raise TypeError(f"on_event: got {on_event!r}, wanted a function with one argument, the event")
    if settings is not None and not isinstance(settings, ListenSettings):
        raise TypeError(f"settings: got {settings!r}, wanted ListenSettings(...)")
    if duration_s is not None and (not isinstance(duration_s, Real) or not float(duration_s) > 0):
        raise SettingsError(f"duration_s: got {duration_s!r}, wanted a number above 0")


def _log_failure(event: Event, error: Exception, n_failed: int) -> None:
    """Log the first failure with its traceback, then only every hundredth in one line."""
    if n_failed == 1:
        _log.error("on_event failed for «%s»; the loop continues", event, exc_info=error)
    elif n_failed % _FAILURES_PER_LINE == 0:
        _log.error("on_event has failed %d times, now with %r", n_failed, error)
