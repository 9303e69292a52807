"""The real commands with a real audio device: PulseAudio with a source that plays the recordings of a test."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from mosquitto import Subscriber, needs_mosquitto
from places import ROOT
from sounds import tone, write

from emotion_edge import classify


@pytest.fixture
def virtual_microphone(tmp_path):
    """A virtual microphone.

    Yields the environment for a program that uses it, and functions that play a file into it, unplug it and plug it in
    again.
    """
    folder = os.environ.get("EMOTION_EDGE_VIRTUAL_MICROPHONE")
    if not folder:
        pytest.skip("EMOTION_EDGE_VIRTUAL_MICROPHONE is not set: it names the folder of virtual_mic.sh and play.py")
    script, state = Path(folder) / "virtual_mic.sh", tmp_path / "microphone"

    def plug():
        quiet = subprocess.DEVNULL
        subprocess.run(["bash", script, "start", state], check=True, stdout=quiet, stderr=quiet)

    plug()
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(state / "run")}
    players = []

    def play(path, lead_s, tail_s):
        command = [sys.executable, Path(folder) / "play.py", path, state / "mic.fifo", str(lead_s), str(tail_s)]
        players.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))

    yield environment, play, lambda: subprocess.run(["bash", script, "stop", state], check=True), plug
    for player in players:
        player.kill()
        player.wait()
    subprocess.run(["bash", script, "stop", state], check=False, capture_output=True)


def run(*arguments, environment):
    command = [sys.executable, "-m", "emotion_edge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_the_commands_devices_and_record(virtual_microphone, tmp_path):
    environment, play, *_ = virtual_microphone
    assert "pulse" in run("devices", environment=environment).stdout
    play(write(tmp_path / "tone.wav", tone(440, rate=16000, seconds=6), 16000, subtype="PCM_16"), 0.2, 20)
    clip = tmp_path / "clip.wav"
    done = run("record", clip, "--seconds", "3", "--device", "pulse", environment=environment)
    assert done.returncode == 0, done.stderr
    samples, rate = soundfile.read(clip)
    assert len(samples) == 3 * rate
    middle = samples[rate:]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert spectrum.argmax() * rate / len(middle) == pytest.approx(440, abs=1)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.02)
    assert run("classify", clip, environment=environment).returncode == 0


def test_the_doctor_finds_the_microphone(virtual_microphone, tmp_path):
    environment, _, unplug, _ = virtual_microphone
    done = run("doctor", "--json", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    present = [json.loads(line) for line in run("devices", "--json", environment=environment).stdout.splitlines()]
    found = [finding for finding in map(json.loads, done.stdout.splitlines()) if finding["check"] == "microphone"]
    assert [(finding["status"], finding["details"]) for finding in found] == [("ok", device) for device in present]
    assert any("«pulse»" in finding["summary"] for finding in found)
    done = run("doctor", environment=environment)
    assert done.stdout.splitlines()[-1].startswith("It can classify and listen.")
    stub = tmp_path / "stub" / "soxr.py"
    stub.parent.mkdir()
    stub.write_text("raise ModuleNotFoundError(name='soxr')")
    path = os.pathsep.join([str(stub.parent), str(ROOT)])
    done = run("doctor", environment={**environment, "PYTHONPATH": path})
    assert done.stdout.splitlines()[-1].startswith("It can classify, but not listen to a microphone.")
    unplug()
    done = run("doctor", environment=environment)
    assert done.returncode == 0
    assert "none is connected: plug one in" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("It can classify, but not listen to a microphone.")


def test_the_microphone_is_unplugged_during_a_recording(virtual_microphone, tmp_path):
    environment, play, unplug, _ = virtual_microphone
    play(write(tmp_path / "tone.wav", tone(440, rate=16000, seconds=6), 16000, subtype="PCM_16"), 0.2, 20)
    clip = tmp_path / "clip.wav"
    command = [sys.executable, "-m", "emotion_edge", "record", clip, "--seconds", "30", "--device", "pulse"]
    with subprocess.Popen(command, env=environment, text=True, stderr=subprocess.PIPE) as recording:
        assert "recording 30 s" in recording.stderr.readline()
        unplug()
        _, error = recording.communicate(timeout=20)
    assert recording.returncode == 1
    assert "emotion-edge: the microphone «pulse» no longer delivers sound: is it unplugged?" in error
    assert not clip.exists()
    done = run("record", clip, "--device", "pulse", environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no microphone" in done.stderr


STEP_S = 0.5


def utterances_of(tmp_path):
    """Write a 16-bit file at the rate of the device: two utterances with silence between them.

    They are recordings of people if TESS is there, else of a speech synthesiser.

    Returns:
        The path of the file, and where each utterance begins and ends in seconds.
    """
    corpora = os.environ.get("EMOTION_EDGE_CORPORA")
    names = [ROOT / "examples" / "sounds" / f"{name}.wav" for name in ("hello-slow", "hello")]
    if corpora:
        names = [
            Path(corpora) / "tess" / name
            for name in ("OAF_happy/OAF_read_happy.flac", "YAF_neutral/YAF_rag_neutral.flac")
        ]
    blocks, bounds, at_s = [], [], 0.0
    for name in names:
        samples, rate = soundfile.read(name, dtype="float32")
        samples = soxr.resample(samples, rate, 16000)
        loud = np.flatnonzero(np.abs(samples) > 0.01) / 16000
        bounds.append((at_s + loud[0], at_s + loud[-1]))
        blocks += [samples, np.zeros(2 * 16000, np.float32)]
        at_s += len(samples) / 16000 + 2
    return write(tmp_path / "talk.wav", np.concatenate(blocks), 16000, subtype="PCM_16"), bounds


class Listening:
    """A running `emotion-edge listen --json` on the virtual microphone."""

    def __init__(self, environment, *arguments):
        command = [sys.executable, "-m", "emotion_edge", "listen", "--device", "pulse", "--json", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.events, self.errors = queue.Queue(), []
        threading.Thread(target=self._read_events, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def _read_events(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip())

    def next(self, kind, timeout_s=30):
        """Return the next event of a kind."""
        while True:
            event = self.events.get(timeout=timeout_s)
            if event["event"] == kind:
                return event

    def wait_for_message(self, message, timeout_s=60):
        """Wait until a line on stderr contains a message."""
        until = time.monotonic() + timeout_s
        while not any(message in line for line in self.errors):
            assert time.monotonic() < until, self.errors
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.errors


@pytest.fixture
def listen():
    running = []

    def start(environment, *arguments):
        running.append(Listening(environment, *arguments))
        return running[-1]

    yield start
    for listening in running:
        listening.process.kill()
        listening.process.wait()


def test_listen_reports_utterances_at_the_right_times(virtual_microphone, listen, tmp_path):
    environment, play, *_ = virtual_microphone
    path, bounds = utterances_of(tmp_path)
    listening = listen(environment, "--record", tmp_path / "saved")
    listening.wait_for_message("saving the sound")
    time.sleep(2)  # it gets silence
    played_at = time.time()
    play(path, 1.0, 20)
    left = [listening.next("leave") for _ in bounds]
    listening.stop()
    lag_s = left[0]["start_s"] - bounds[0][0]  # the stream began earlier than the file
    for event, (begins_s, ends_s) in zip(left, bounds, strict=True):
        assert event["start_s"] - lag_s == pytest.approx(begins_s, abs=STEP_S)
        assert event["end_s"] - lag_s == pytest.approx(ends_s, abs=STEP_S)
        ended_at = datetime.fromisoformat(event["time"]).timestamp() - played_at
        assert ended_at == pytest.approx(1.0 + ends_s, abs=STEP_S + 0.5)  # a player starts with a delay
    saved = sorted((tmp_path / "saved").iterdir())
    assert [classify(file).label for file in saved] == [event["label"] for event in left]
    assert all(event["status"] == "ok" for event in left)


def test_listen_survives_an_unplugged_microphone(virtual_microphone, listen, tmp_path):
    environment, play, unplug, replug = virtual_microphone
    path, _ = utterances_of(tmp_path)
    listening = listen(environment)
    play(path, 2.0, 60)
    first = listening.next("enter")
    unplug()
    left = listening.next("leave")  # the held label is left at once
    assert left["label"] == first["label"]
    listening.wait_for_message("no longer delivers sound: is it unplugged?")
    time.sleep(1)
    replug()
    listening.wait_for_message("«pulse» is back after")
    play(path, 1.0, 20)
    again = listening.next("enter")
    assert again["start_s"] > left["end_s"] + 1
    listening.stop()


@needs_mosquitto
def test_a_listener_whose_microphone_is_unplugged_is_offline(virtual_microphone, listen, broker):
    environment, _, unplug, replug = virtual_microphone
    subscriber = Subscriber(broker.port)
    listening = listen(environment, "--mqtt", f"mqtt://127.0.0.1:{broker.port}/home/kitchen")
    subscriber.wait(lambda: subscriber.of("home/kitchen/availability") == ["online"])
    unplug()
    subscriber.wait(lambda: subscriber.of("home/kitchen/availability") == ["online", "offline"])
    replug()
    subscriber.wait(lambda: subscriber.of("home/kitchen/availability") == ["online", "offline", "online"])
    listening.stop()
    subscriber.close()


TOO_SLOW = """
import sys, time
from emotion_edge import EmotionStream, Listener
process, calls = EmotionStream.process, []
def slow_once(self, *arguments, **options):
    calls.append(1)
    if len(calls) == 10:
        time.sleep(8)
    return process(self, *arguments, **options)
EmotionStream.process = slow_once
with Listener(device="pulse", duration_s=float(sys.argv[1])) as listener:
    print("listening", flush=True)
    for event in listener:
        print(event.kind, event.start_s, flush=True)
print("lost", listener.source.lost_s)
"""


def test_a_program_that_is_too_slow_loses_the_oldest_sound_logs_that_and_continues(virtual_microphone, tmp_path):
    environment, play, *_ = virtual_microphone
    path, _ = utterances_of(tmp_path)
    command = [sys.executable, "-c", TOO_SLOW, "18"]
    with subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == "listening\n"
        play(path, 10.0, 30)  # speech begins after the delay
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    *events, lost = output.splitlines()
    assert 1.5 < float(lost.split()[1]) < 6.5
    assert "too slow: " in errors
    assert [event.split()[0] for event in events].count("enter") >= 1
    assert float(events[0].split()[1]) > 8  # the lost sound counts as time
