"""The live loop with its threads."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from sounds import tone, write

from emotion_edge import AudioError, Listener, ListenSettings, MicrophoneError, SettingsError
from emotion_edge.live.sources import FileSource, SourceBlock
from models import SpectralTilt

RATE = 16000


pytestmark = pytest.mark.usefixtures("open_gate")


def talk(*frequencies, pause_s=1.0, seconds=1.5):
    blocks = []
    for frequency in frequencies:
        blocks += [np.zeros(round(pause_s * RATE)), 0.4 * tone(frequency, rate=RATE, seconds=seconds)]
    samples = np.concatenate([*blocks, np.zeros(RATE)]).astype(np.float32)
    return samples + 1e-4 * np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "talk.wav", talk(200, 5000, 200), RATE)


def changes(events):
    return [(event.kind, event.label) for event in events if event.kind != "hold"]


EXPECTED = [(kind, label) for label in ("low", "high", "low") for kind in ("enter", "leave")]


class Script:
    """A source that plays the steps of a test: it yields samples and blocks, raises exceptions and calls functions."""

    name, live, away, lost_s = "the script", True, False, 0.0

    def __init__(self, *steps):
        self.steps, self.closed = steps, threading.Event()

    def open(self):
        return RATE

    def blocks(self, stop):
        for step in self.steps:
            if callable(step):
                step()
            elif isinstance(step, Exception):
                raise step
            elif isinstance(step, SourceBlock):
                yield step
            else:
                for at in range(0, len(step), RATE // 10):
                    yield SourceBlock(step[at : at + RATE // 10], RATE, None, 1000.0)
        if not self.steps:
            while not stop.wait(0.01):
                yield SourceBlock(np.zeros(160, np.float32), RATE, None, 1000.0)

    def close(self):
        self.closed.set()


def test_iterating_over_events(file):
    with Listener(SpectralTilt(), source=FileSource(file)) as listener:
        events = list(listener)
        assert listener.finished
        assert list(listener) == []
    assert changes(events) == EXPECTED


def test_a_callback_gets_the_events(file):
    events = []
    listener = Listener(SpectralTilt(), source=FileSource(file), on_event=events.append)
    assert listener.status is None
    listener.start()
    assert listener.wait(20)
    status: Any = listener.status
    assert status.heard_s == pytest.approx(8.5)
    listener.stop()
    assert changes(events) == EXPECTED


def test_a_callback_that_raises_is_logged_and_the_loop_continues(file, caplog):
    calls = []

    def on_event(event):
        calls.append(event)
        raise ValueError("the lamp is broken")

    Listener(SpectralTilt(), source=FileSource(file), on_event=on_event).start().wait(20)
    assert changes(calls) == EXPECTED
    assert caplog.text.count("the loop continues") == 1  # the traceback is not repeated twice a second
    assert "ValueError: the lamp is broken" in caplog.text


def test_a_slow_callback_does_not_slow_the_listener(caplog):
    may_return, done = threading.Event(), threading.Event()
    source = Script(talk(200, 5000, 200), done.set)
    listener = Listener(SpectralTilt(), source=source, on_event=lambda event: may_return.wait(20)).start()
    assert done.wait(20)  # all sound was processed while the callback still handles the first event
    status: Any = listener.status
    assert status.heard_s == pytest.approx(8.5)
    may_return.set()
    assert listener.wait(20)


def test_stop_leaves_the_held_label_and_delivers_the_event(caplog):
    events, entered = [], threading.Event()

    def on_event(event):
        events.append(event)
        entered.set()

    speech = np.tile(tone(200, rate=RATE, seconds=1.0), 3)
    source = Script(talk(200, seconds=3.0)[: 2 * RATE + RATE // 2], *[lambda: time.sleep(0.05), speech[:320]] * 2000)
    listener = Listener(SpectralTilt(), source=source, on_event=on_event).start()
    assert entered.wait(20)
    listener.stop()
    assert source.closed.is_set()
    assert events[-1].kind == "leave"
    assert events[-1].label == "low"


def test_stop_from_within_a_callback():
    source = Script(*[talk(200)] * 50)
    listener = Listener(SpectralTilt(), source=source, on_event=lambda event: listener.stop())
    listener.start()
    assert listener.wait(20)
    assert source.closed.is_set()


def test_leaving_the_with_block_stops_the_listener():
    source = Script()
    with Listener(SpectralTilt(), source=source) as listener:
        assert listener.poll(0.01) is None
        assert not listener.finished
    assert source.closed.is_set()
    assert listener.finished


def test_duration_is_exact():
    source = Script(*[talk(200)] * 50)
    with Listener(SpectralTilt(), source=source, duration_s=5.123) as listener:
        events = list(listener)
    status: Any = listener.status
    assert status.heard_s == pytest.approx(5.123, abs=1e-4)
    assert max(event.end_s for event in events) <= 5.123
    assert source.closed.is_set()


@pytest.mark.parametrize("duration_s", [0.1, 1 / 3, 3.333, 2.99999])
def test_a_duration_that_is_not_a_whole_number_of_samples_ends_too(duration_s):
    source = Script(*[talk(200)] * 50)
    with Listener(SpectralTilt(), source=source, duration_s=duration_s) as listener:
        list(listener)
    status: Any = listener.status
    assert status.heard_s == pytest.approx(duration_s, abs=0.51 / RATE)


def test_a_duration_that_ends_in_a_gap():
    gone = SourceBlock(np.zeros(0, np.float32), RATE, 60.0, 2000.0)
    source = Script(talk(200), gone, *[talk(200)] * 50)
    with Listener(SpectralTilt(), source=source, duration_s=30.0) as listener:
        list(listener)
    status: Any = listener.status
    assert status.heard_s == pytest.approx(63.5)


def test_repeated_failures_are_counted(caplog):
    def fail(event):
        raise ValueError("still broken")

    source = Script(*[talk(200, 5000, 200)] * 20)
    listener = Listener(SpectralTilt(), source=source, on_event=fail)
    listener.start()
    assert listener.wait(60)
    assert "has failed 100 times, now with ValueError('still broken')" in caplog.text
    assert len(caplog.records) < 10


def test_a_listener_that_was_not_started_raises():
    listener = Listener(SpectralTilt(), source=Script())
    with pytest.raises(RuntimeError, match="was not started: use it in a with block"):
        list(listener)
    with pytest.raises(RuntimeError, match="was not started"):
        listener.poll(0.1)
    listener.stop()


def test_either_a_callback_or_a_loop(file):
    with (
        Listener(SpectralTilt(), source=FileSource(file), on_event=print) as listener,
        pytest.raises(RuntimeError, match="on_event gets the events"),
    ):
        list(listener)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"on_event": 3}, TypeError, "on_event: got 3, wanted a function"),
        ({"source": "talk.wav"}, TypeError, "source: got 'talk.wav', wanted a FileSource"),
        ({"settings": {"pause_s": 1}}, TypeError, "wanted ListenSettings"),
        ({"duration_s": -1}, SettingsError, "duration_s: got -1, wanted a number above 0"),
        ({"duration_s": "3"}, SettingsError, "duration_s: got '3'"),
        ({"settings": ListenSettings(step_s=9)}, SettingsError, "step_s: got 9"),
    ],
)
def test_arguments_of_the_wrong_kind(arguments, error, message):
    with pytest.raises(error, match=message):
        Listener(SpectralTilt(), **arguments)


def test_python_may_exit_while_it_listens(tmp_path):
    path = write(tmp_path / "talk.wav", talk(200), RATE)
    code = (
        "import sys; from emotion_edge import FileSource, Listener\n"
        "Listener(source=FileSource(sys.argv[1], paced=True), on_event=print).start()"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_gap_in_the_sound(caplog):
    speech = talk(200, seconds=3.0)
    source = Script(
        speech[: 3 * RATE],
        SourceBlock(np.zeros(0, np.float32), 8000, 60.0, 2000.0),
        SourceBlock(speech, 8000, None, 2000.0),
    )
    with Listener(SpectralTilt(), source=source) as listener:
        events = list(listener)
    assert changes(events)[:2] == [("enter", "low"), ("leave", "low")]
    assert events[-1].start_s > 63


def test_invalid_samples_do_not_stop_the_listener(caplog):
    speech = talk(200, 200)
    speech[RATE // 2 : RATE // 2 + 100] = np.nan
    with Listener(SpectralTilt(), source=Script(speech)) as listener:
        assert changes(listener) == [("enter", "low"), ("leave", "low")] * 2
    assert "the script delivers samples that are not finite" in caplog.text


@pytest.mark.parametrize("error", [AudioError("the file is damaged"), RuntimeError("a bug")])
def test_an_error_is_raised_in_the_loop_over_events(error):
    source = Script(talk(200), error)
    listener = Listener(SpectralTilt(), source=source)
    events = []
    with listener, pytest.raises(type(error), match=str(error)):
        events.extend(listener)
    assert changes(events) == [("enter", "low"), ("leave", "low")]
    assert source.closed.is_set()


def test_an_error_with_a_callback_is_logged(caplog):
    Listener(SpectralTilt(), source=Script(AudioError("damaged")), on_event=print).start().wait(20)
    assert "damaged" in caplog.text


def test_a_source_that_cannot_be_opened(monkeypatch):
    class Missing(Script):
        def open(self):
            raise MicrophoneError("no microphone")

    with pytest.raises(MicrophoneError), Listener(SpectralTilt(), source=Missing()):
        pass


def test_a_listener_starts_only_once(file):
    listener = Listener(SpectralTilt(), source=FileSource(file)).start()
    with pytest.raises(RuntimeError, match="started before"):
        listener.start()
    listener.stop()


def test_the_sound_of_events_is_saved_if_asked(file, tmp_path):
    with Listener(SpectralTilt(), source=FileSource(file), record_to=tmp_path / "saved") as listener:
        events = [event for event in listener if event.kind == "leave"]
    saved = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert len(saved) == len(events) == 3
    assert sorted(name.split("-")[1] for name in saved) == ["high.wav", "low.wav", "low.wav"]


def test_settings_reach_the_stream(file):
    settings = ListenSettings(enter_above=1.0, leave_below=1.0)
    with Listener(SpectralTilt(), source=FileSource(file), settings=settings) as listener:
        assert {event.status for event in listener} == {"uncertain"}
