"""The real commands on a real audio device: PulseAudio with a source that plays what a test gives it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import tone, write


@pytest.fixture
def virtual_microphone(tmp_path):
    """The environment of a program that is to hear the virtual microphone, and a function that plays a file into it."""
    folder = os.environ.get("EMOTION_EDGE_VIRTUAL_MICROPHONE")
    if not folder:
        pytest.skip("EMOTION_EDGE_VIRTUAL_MICROPHONE is not set: it names the folder of virtual_mic.sh and play.py")
    script, state = Path(folder) / "virtual_mic.sh", tmp_path / "microphone"
    subprocess.run(["bash", script, "start", state], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(state / "run")}
    players = []

    def play(path, lead_s, tail_s):
        command = [sys.executable, Path(folder) / "play.py", path, state / "mic.fifo", str(lead_s), str(tail_s)]
        players.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))

    yield environment, play, lambda: subprocess.run(["bash", script, "stop", state], check=True)
    for player in players:
        player.kill()
        player.wait()
    subprocess.run(["bash", script, "stop", state], check=False, capture_output=True)


def run(*arguments, environment):
    command = [sys.executable, "-m", "emotion_edge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_devices_and_record(virtual_microphone, tmp_path):
    environment, play, _ = virtual_microphone
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


def test_unplugged_while_it_records(virtual_microphone, tmp_path):
    environment, play, unplug = virtual_microphone
    play(write(tmp_path / "tone.wav", tone(440, rate=16000, seconds=6), 16000, subtype="PCM_16"), 0.2, 20)
    clip = tmp_path / "clip.wav"
    command = [sys.executable, "-m", "emotion_edge", "record", clip, "--seconds", "30", "--device", "pulse"]
    with subprocess.Popen(command, env=environment, text=True, stderr=subprocess.PIPE) as recording:
        assert "recording 30 s" in recording.stderr.readline()
        unplug()
        _, error = recording.communicate(timeout=20)
    assert recording.returncode == 1
    assert "emotion-edge: the microphone «pulse» delivers nothing any more: is it unplugged?" in error
    assert not clip.exists()
    done = run("record", clip, "--device", "pulse", environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no microphone" in done.stderr
