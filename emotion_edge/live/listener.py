"""The live loop: a thread that hears and decides, and events for whoever wants them."""

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
_FAILURES_A_LINE: Final = 100


class Listener:
    """Listens to a microphone and tells what the voices it hears carry.

    Iterate over it in a `with` block, or give it a function and call `start` and `stop`. Sound is heard and decided
    upon in a thread of its own, so neither a slow loop nor a slow function loses any. A microphone that is unplugged
    is looked for again, by its name, until it is back.

    Args:
        model: the name of a shipped model, the path of a `.tflite` file with a recipe, or a classifier. The profile of
            one that has it learns from each utterance when it is over.
        device: number or part of the name of a microphone, as `emotion-edge devices` lists them; None for the default.
        source: hear this instead: see `emotion_edge.sources`.
        on_event: called with each event, in one more thread, in place of iterating. What it raises is logged.
        settings: windows, gate and thresholds.
        record_to: a folder that keeps the sound of each event that is over, as WAV files; by default nothing is kept.
        duration_s: stop by itself after so much sound.

    Raises:
        ModelError, InterpreterError: the model cannot be used.
        SettingsError: `duration_s` is not above 0, or the settings do not go with the model.
        TypeError: an argument of another kind.
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
        """Open the source and begin to listen.

        Raises:
            MicrophoneError, AudioError: it cannot be opened.
            RuntimeError: the listener was started before.
        """
        if self._threads:
            raise RuntimeError("this listener was started before: make another one")
        rate = self.source.open()
        self._stream = EmotionStream(rate, self.classifier, settings=self.settings)
        self._threads.append(threading.Thread(target=self._listen, args=(self._stream, rate), name="listener"))
        if self._on_event is not None:
            self._threads.append(threading.Thread(target=self._call, args=(self._on_event,), name="on_event"))
        # PortAudio waits for ever if Python ends while a thread closes a stream: so the thread ends first.
        atexit.register(self.stop)
        for thread in self._threads:
            thread.daemon = True
            thread.start()
        return self

    def stop(self, *, wait: bool = True) -> None:
        """Stop listening. What is held is left, and that event still arrives.

        Args:
            wait: until all is over, at most 5 s should a function that handles events not return. Without it this may
                be called from a signal handler.
        """
        self._stop.set()
        if wait:
            self.wait(_LONGEST_STOP_S)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the sound has ended and all events have been handled; whether that is so within the time."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(None if until is None else max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def status(self) -> StreamStatus | None:
        """How things stand now, for a display; None before the start."""
        return None if self._stream is None else self._stream.status

    def poll(self, timeout_s: float | None = None) -> Event | None:
        """The next event; None after `timeout_s` seconds without one, or when there will be no more.

        Raises:
            RuntimeError: the listener was not started, or a function takes the events.
        """
        self._check_started()
        return self._events.get(timeout_s)

    @property
    def finished(self) -> bool:
        """Whether there will be no more events.

        Raises:
            AudioError: the sound ended by an error.
            RuntimeError: the listener was not started, or a function takes the events.
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
            for heard in self.source.blocks(self._stop):
                if heard.gap_s is not None:
                    self._deliver(stream.skip(heard.gap_s, sample_rate_hz=heard.sample_rate_hz))
                    check = InputCheck(heard.sample_rate_hz, self.source.name)
                if self._hear(stream, check, heard) or self._stop.is_set():
                    break
            self._deliver(stream.finish())
        except Exception as error:  # it is raised again where the events are used
            self._error = error
            if self._on_event is not None:
                _log.error("%s", error)
        finally:
            self._stop.set()
            self.source.close()
            self._events.close()
            atexit.unregister(self.stop)

    def _hear(self, stream: EmotionStream, check: InputCheck, heard: SourceBlock) -> bool:
        """Take a piece; whether that was all there is to hear."""
        samples = check.clean(heard.samples)
        n_left = math.inf
        if self._duration_s is not None:
            n_left = max(0, round((self._duration_s - stream.heard_s) * heard.sample_rate_hz))
        over = len(samples) >= n_left
        if over:
            samples = samples[: int(n_left)]
        events = stream.process(samples, heard_at=heard.heard_at)
        if self._recorder is not None:
            self._recorder.process(samples, heard.sample_rate_hz, stream.heard_s)
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
                _tell_failure(event, error, n_failed)

    def _check_started(self) -> None:
        if not self._threads:
            raise RuntimeError("this listener was not started: use it in a with block, or call start()")
        if self._on_event is not None:
            raise RuntimeError("on_event gets the events: to iterate over them make a listener without it")


def _check_arguments(source: object, on_event: object, settings: object, duration_s: object) -> None:
    if source is not None and not hasattr(source, "blocks"):
        raise TypeError(
            f"source: got {source!r}, wanted a FileSource, PipeSource or MicrophoneSource of emotion_edge.sources"
        )
    if on_event is not None and not callable(on_event):
        raise TypeError(f"on_event: got {on_event!r}, wanted a function of an event")
    if settings is not None and not isinstance(settings, ListenSettings):
        raise TypeError(f"settings: got {settings!r}, wanted ListenSettings(...)")
    if duration_s is not None and (not isinstance(duration_s, Real) or not float(duration_s) > 0):
        raise SettingsError(f"duration_s: got {duration_s!r}, wanted a number above 0")


def _tell_failure(event: Event, error: Exception, n_failed: int) -> None:
    """The first failure in full; of what fails all the time only the hundredth, two hundredth, ..."""
    if n_failed == 1:
        _log.error("the function that handles events failed on «%s»; the loop goes on", event, exc_info=error)
    elif n_failed % _FAILURES_A_LINE == 0:
        _log.error("the function that handles events has failed %d times, now with %r", n_failed, error)
