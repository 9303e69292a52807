"""`emotion-edge listen` as a real process, on files and pipes, with the shipped models, and on a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone

import numpy as np
import pytest
import soundfile
import soxr
from places import ROOT
from sounds import write

from emotion_edge import EmotionClassifier
from emotion_edge.cli.main import main

RATE = 16000


def sentence(name):
    samples, rate = soundfile.read(ROOT / "examples" / "sounds" / f"{name}.wav", dtype="float32")
    return soxr.resample(samples, rate, RATE)


def with_silence(*names, pause_s=1.5):
    """Sentences with silence around them, over faint noise, and the start and end of each in seconds."""
    parts, bounds, at_s = [], [], 0.0
    for name in names:
        spoken = sentence(name)
        loud = np.flatnonzero(np.abs(spoken) > 0.003) / RATE
        at_s += pause_s
        bounds.append((at_s + loud[0], at_s + loud[-1]))
        at_s += len(spoken) / RATE
        parts += [np.zeros(round(pause_s * RATE)), spoken]
    samples = np.concatenate([*parts, np.zeros(round(pause_s * RATE))])
    return (samples + 1e-4 * np.random.default_rng(0).standard_normal(len(samples))).astype(np.float32), bounds


SAMPLES, BOUNDS = with_silence("hello", "hello-high", "hello-slow")
RAW = (SAMPLES * 32767).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(tmp_path_factory.mktemp("talk") / "talk.wav", SAMPLES, RATE)


def command(*arguments):
    return [sys.executable, "-m", "emotion_edge", "listen", *map(str, arguments)]


def run(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, timeout=60, check=False, **options)


def events_of(output):
    return [json.loads(line) for line in output.splitlines()]


def test_a_file_as_json(file, tmp_path):
    done = run("--input", file, "--json", "--model", "tess-mlp", "--record", tmp_path / "kept")  # sure of this voice
    assert done.returncode == 0, done.stderr
    assert done.stderr.decode() == f"saving the sound of every event in {tmp_path / 'kept'}\n"
    events = events_of(done.stdout)
    left = [event for event in events if event["event"] == "leave"]
    assert len(left) >= len(BOUNDS)
    for begins_s, ends_s in BOUNDS:  # each sentence is covered by its events, within a step
        of_it = [event for event in left if begins_s - 0.5 < event["start_s"] < ends_s]
        assert of_it[0]["start_s"] == pytest.approx(begins_s, abs=0.5)
        assert of_it[-1]["end_s"] == pytest.approx(ends_s, abs=0.5)
    times = [event["time"] for event in events]
    assert times == sorted(times)  # as if the file were played from now on
    now = datetime.now(timezone.utc)
    assert all(abs((now - datetime.fromisoformat(event["time"])).total_seconds()) < 60 for event in events)
    kept = sorted((tmp_path / "kept").iterdir())
    assert len(kept) == len(left)
    for event in left:  # the recorder saves exactly the sound of the event, and classifying it gives the same answer
        (path,) = [path for path in kept if path.name == _recorded_as(event)]
        if event["status"] == "ok" and event["end_s"] - event["start_s"] <= 2.0:
            assert EmotionClassifier("tess-mlp").classify(path).label == event["label"]


def _recorded_as(event):
    stamp = datetime.fromisoformat(event["time"]).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    return f"{stamp}Z-{event['label'] or 'uncertain'}.wav"


def test_pipes_give_the_same_events_as_a_file(file):
    def printed(done):
        assert done.returncode == 0, done.stderr
        return [(event["event"], event["label"], event["start_s"], event["end_s"]) for event in events_of(done.stdout)]

    expected = printed(run("--input", file, "--json"))
    assert expected
    assert printed(run("--input", "-", "--json", input=file.read_bytes())) == expected
    assert printed(run("--input", "-", "--rate", RATE, "--json", input=RAW)) == expected
    stereo = np.repeat(np.frombuffer(RAW, "<i2"), 2).tobytes()
    assert printed(run("--input", "-", "--rate", RATE, "--channels", 2, "--json", input=stereo)) == expected


def test_lines_for_people(file):
    done = run("--input", file)
    assert done.returncode == 0
    assert done.stderr.decode() == f"listening to {file}\n"
    lines = done.stdout.decode().splitlines()
    assert {line.split()[0] for line in lines} == {"enter", "leave"}
    assert len(lines) % 2 == 0


def test_duration(file):
    ends_s = BOUNDS[0][1] + 1
    done = run("--input", file, "--json", "--duration", ends_s)
    assert done.returncode == 0
    assert 0 < max(event["end_s"] for event in events_of(done.stdout)) <= ends_s


def test_no_speech(tmp_path):
    quiet = write(tmp_path / "quiet.wav", 1e-4 * np.random.default_rng(0).standard_normal(3 * RATE), RATE)
    done = run("--input", quiet)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.decode().splitlines()[-1] == "no speech in 3.0 s"


def test_thresholds_are_options(file):
    events = events_of(run("--input", file, "--json", "--enter-above", 1, "--leave-below", 1).stdout)
    assert {event["status"] for event in events} == {"uncertain"}
    assert run(
        "--input", file, "--json", "--shortest-seconds", 2, "--minimum-seconds", 60, "--window-seconds", 9
    ).stdout
    assert run("--input", file, "--json", "--shortest-seconds", 30, "--window-seconds", 30).stdout == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly_and_flush_the_last_event(number):
    with subprocess.Popen(
        command("--input", "-", "--rate", RATE, "--json"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as listening:
        speech = (np.tile(sentence("hello-slow"), 5) * 32767).astype("<i2").tobytes()
        listening.stdin.write(speech[: 2 * RATE * 4])  # the speech has not ended, and the pipe stays open
        listening.stdin.flush()
        assert json.loads(listening.stdout.readline())["event"] == "enter"
        time.sleep(0.5)
        listening.send_signal(number)
        output, error = listening.stdout.read(), listening.stderr.read()
        assert listening.wait(20) == 0
    assert events_of(output)[-1]["event"] == "leave"
    assert error == b""


def test_a_reader_that_closes_the_pipe(file):
    with subprocess.Popen(
        command("--input", file, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as listening:
        listening.stdout.readline()
        listening.stdout.close()
        assert listening.stderr.read() == b""
        assert listening.wait(20) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--input", "missing.wav"], 1, "missing.wav: no such file"),
        (["--input", "-"], 1, "the pipe does not contain a WAV stream"),
        (["--input", "x.wav", "--device", "usb"], 2, "--device and --input cannot be used together"),
        (["--paced"], 2, "--paced, --rate and --channels need --input"),
        (["--input", "-", "--paced"], 2, "--paced is for files"),
        (["--input", "-", "--channels", "2"], 2, "--channels needs --rate"),
        (["--input", "x.wav", "--rate", "8000"], 2, "--rate and --channels need --input -"),
        (["--step-seconds", "3"], 2, "--step-seconds: got 3, wanted at most --window-seconds, which is 2"),
        (["--pause-seconds", "0"], 2, "--pause-seconds: got 0.0, wanted a number, 0.1 to 60"),
        (["--duration", "0"], 2, "wanted a number, 0.001 to"),
        (["--input", "-", "--rate", "10"], 2, "wanted a whole number, 1000 to 384000"),
        (["--channels", "0"], 2, "wanted a whole number, 1 to 64"),
        (["--duration", "soon"], 2, "--duration: got soon, wanted a number"),
        (["--input", ""], 2, "--input needs the name of a file"),
        (["--model", "nix"], 1, "nix"),
    ],
)
def test_mistakes(arguments, status, message, tmp_path):
    done = run(*arguments, stdin=subprocess.DEVNULL, cwd=tmp_path)
    error = done.stderr.decode()
    assert (done.returncode, done.stdout) == (status, b"")
    assert message in error
    assert "Traceback" not in error


def test_help_has_a_sentence_for_every_threshold(capsys):
    with pytest.raises(SystemExit):
        main(["listen", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for name in ("window-seconds", "speech-above", "refractory-seconds", "above-background-db"):
        assert f"--{name}" in printed
    assert "Without this option, no sound is ever stored" in printed


def on_terminal(*arguments, **environment):
    """Everything that the program draws on a terminal of 70 columns."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(*arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "70", "LINES": "24", "PYTHONIOENCODING": "utf-8", **environment},
    ) as process:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # on Linux, the other side is closed
                break
            if not data:
                break
            drawn += data
        assert process.wait(30) == 0
    os.close(ours)
    return drawn.decode()


@pytest.mark.slow
def test_the_live_view(tmp_path):
    samples, _ = with_silence("hello-high", "hello-high", pause_s=0.3)
    file = write(tmp_path / "long.wav", np.concatenate([samples, np.zeros(RATE)]), RATE)
    drawn = on_terminal("--input", file, "--model", "tess-mlp", "--paced", "--duration", "5.5", NO_COLOR="")
    frames = drawn.split("\x1b[J")
    assert len(frames) > 10
    last = frames[-1]
    for label in ("level", "angry", "fear", "happy", "neutral", "sad", "Ctrl-C to stop"):
        assert label in last
    assert "0:00:05" in last
    assert "█" in drawn
    assert "▸" in drawn  # a label was held
    assert last.rstrip().endswith("\x1b[?25h\x1b[?7h")  # the cursor is visible, and lines wrap again
    assert "dB" in last
    assert any(" s\x1b[0m" in frame for frame in frames)  # an event in the history


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"NO_COLOR": "", "TERM": "dumb"}])
def test_plain_lines_on_request(file, environment):
    drawn = on_terminal("--input", file, **environment)
    assert "\x1b" not in drawn
    assert "enter" in drawn
