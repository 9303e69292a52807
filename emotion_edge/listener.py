"""The live loop: a thread that hears and decides, and events for whoever wants them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

from .classifier import EmotionClassifier
from .events import Event
from .input_check import InputCheck
from .mailbox import Mailbox
from .model import DEFAULT_MODEL
from .recorder import EventRecorder
from .settings import ListenSettings
from .sources import Heard, MicrophoneSource, SoundSource
from .stream import EmotionStream, Status

_log = logging.getLogger(__name__)

_MOST_EVENTS: Final = 1000  # some minutes of speech
_LONGEST_STOP_S: Final = 5.0


class Listener:
    """Listens to a microphone and tells what the voices it hears carry.

    Iterate over it in a `with` block, or give it a function and call `start` and `stop`. Sound is heard and decided
    upon in a thread of its own, so neither a slow loop nor a slow function loses any. A microphone that is unplugged
    is looked for again, by its name, until it is back.

    Args:
        model: the name of a shipped model, the path of a `.tflite` file with a recipe, or a classifier.
        device: number or part of the name of a microphone, as `emotion-edge devices` lists them; None for the default.
        source: hear this instead: see `emotion_edge.sources`.
        on_event: called with each event, in one more thread. What it raises is logged.
        settings: windows, gate and thresholds.
        record_to: a folder that keeps the sound of each event that is over, as WAV files; by default nothing is kept.
        duration_s: stop by itself after so much sound.

    Raises:
        ModelError, InterpreterError: the model cannot be used.
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
        self.classifier: Final = model if isinstance(model, EmotionClassifier) else EmotionClassifier(model)
        self.settings: Final = settings or ListenSettings()
        self.source: Final[SoundSource] = source or MicrophoneSource(device)
        self._on_event: Final = on_event
        self._duration_s: Final = duration_s
        self._recorder: Final = None if record_to is None else EventRecorder(Path(record_to))
        self._stop: Final = threading.Event()
        self._mailbox: Final = Mailbox(_MOST_EVENTS, lossy=self.source.live, stop=self._stop)
        self._threads: list[threading.Thread] = []
        self._stream: EmotionStream | None = None
        self._error: Exception | None = None

    def start(self) -> Listener:
        """Open the source and begin to listen.

        Raises:
            MicrophoneError, AudioError: it cannot be opened; or the listener was started before.
        """
        if self._threads:
            raise RuntimeError("this listener was started before: make another one")
        rate = self.source.open()
        self._stream = EmotionStream(rate, self.classifier, settings=self.settings)
        self._threads.append(threading.Thread(target=self._listen, args=(self._stream, rate), name="listener"))
        if self._on_event is not None:
            self._threads.append(threading.Thread(target=self._call, args=(self._on_event,), name="on_event"))
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
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def status(self) -> Status | None:
        """How things stand now, for a display; None before the start."""
        return None if self._stream is None else self._stream.status

    def poll(self, timeout_s: float | None = None) -> Event | None:
        """The next event; None after `timeout_s` seconds without one, or when there will be no more."""
        return self._mailbox.get(timeout_s)

    @property
    def finished(self) -> bool:
        """Whether there will be no more events.

        Raises:
            AudioError: the sound ended by an error.
        """
        if not self._mailbox.drained:
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
            for heard in self.source.pieces(self._stop):
                if heard.gap_s is not None:
                    self._deliver(stream.skip(heard.gap_s, sample_rate_hz=heard.sample_rate_hz))
                    check = InputCheck(heard.sample_rate_hz, self.source.name)
                self._hear(stream, check, heard)
                if self._stop.is_set() or self._over(stream):
                    break
            self._deliver(stream.finish())
        except Exception as error:  # it is raised again where the events are used
            self._error = error
            if self._on_event is not None:
                _log.error("%s", error)
        finally:
            self._stop.set()
            self.source.close()
            self._mailbox.close()

    def _hear(self, stream: EmotionStream, check: InputCheck, heard: Heard) -> None:
        samples = check.clean(heard.samples)
        if self._duration_s is not None:
            samples = samples[: max(0, round((self._duration_s - stream.heard_s) * heard.sample_rate_hz))]
        events = stream.push(samples, heard_at=heard.heard_at)
        if self._recorder is not None:
            self._recorder.push(samples, heard.sample_rate_hz, stream.heard_s)
        self._deliver(events)

    def _over(self, stream: EmotionStream) -> bool:
        return self._duration_s is not None and stream.heard_s >= self._duration_s - 1e-9

    def _deliver(self, events: list[Event]) -> None:
        for event in events:
            if self._recorder is not None and event.kind == "leave":
                self._recorder.save(event)
            self._mailbox.put(event)

    def _call(self, on_event: Callable[[Event], object]) -> None:
        while not self._mailbox.drained:
            event = self._mailbox.get()
            if event is None:
                continue
            try:
                on_event(event)
            except Exception:
                _log.exception("the function that handles events failed on «%s»; the loop goes on", event)
