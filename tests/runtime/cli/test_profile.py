"""Voice profiles on the command line, run as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import soxr
from places import ROOT
from sounds import write

from emotion_edge import EmotionClassifier, VoiceProfile
from emotion_edge.model.file import load
from models import write_profiled

RATE = 16000
SENTENCE = soxr.resample(*soundfile.read(ROOT / "examples" / "sounds" / "hello-high.wav", dtype="float32"), RATE)


def talk(n):
    """The same sentence n times, with pauses, over faint noise."""
    silence = np.zeros(round(0.8 * RATE))
    samples = np.concatenate([silence, *[SENTENCE, silence] * n])
    return (samples + 1e-4 * np.random.default_rng(0).standard_normal(len(samples))).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_profiled(tmp_path_factory.mktemp("models") / "profiled.tflite")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(tmp_path_factory.mktemp("talk") / "talk.wav", talk(3), RATE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_EDGE_PROFILES", str(tmp_path / "profiles"))
    return tmp_path / "profiles"


def command(*arguments):
    return [sys.executable, "-m", "emotion_edge", *map(str, arguments)]


def run(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, check=False, **options)


def n_utterances(folder, name="anna"):
    return VoiceProfile.load(folder / f"{name}.json").utterances


def keep(folder, *, utterances, name="anna", model="tess-mlp", n_features=30):
    """Save a profile that learned only zeros."""
    profile = VoiceProfile(model, n_features)
    for _ in range(utterances):
        profile.learn(np.zeros(n_features), 2.0)
    profile.save(folder / f"{name}.json")
    return folder / f"{name}.json"


def test_listen_learns_show_shows_and_reset_forgets(folder, file, model):
    listen = ("listen", "--input", file, "--model", model, "--profile", "anna", "--json")
    first = run(*listen)
    assert first.returncode == 0
    assert first.stderr == f"new voice profile: {folder / 'anna.json'}\n"
    n = n_utterances(folder)
    assert n >= 3
    second = run(*listen)
    assert f"voice profile with {n} utterances: {folder / 'anna.json'}" in second.stderr
    assert n_utterances(folder) == 2 * n
    without = run("listen", "--input", file, "--model", model, "--json")
    assert len({tuple(answers(done)) for done in (first, second, without)}) == 3  # all three differ

    shown = run("profile", "show", "anna", "--model", model, "--json")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout) == {
        "name": "anna",
        "utterances": 2 * n,
        "seconds": pytest.approx(VoiceProfile.load(folder / "anna.json").seconds),
        "model": "tess-mlp",
        "share": pytest.approx(0.8 * 2 * n / (2 * n + 4), abs=1e-4),
        "path": str(folder / "anna.json"),
    }
    reset = run("profile", "reset", "anna")
    assert (reset.returncode, reset.stdout) == (0, "")
    assert reset.stderr == f"deleted the voice profile {folder / 'anna.json'}\n"
    assert list(folder.iterdir()) == []
    for again in (run("profile", "reset", "anna"), run("profile", "show", "anna")):
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr == f"emotion-edge: there is no voice profile {folder / 'anna.json'}\n"


def answers(done):
    return [json.dumps(json.loads(line)["probabilities"]) for line in done.stdout.splitlines()]


def test_classify_learns_from_each_file_that_is_speech(tmp_path, folder, model):
    for number in range(3):
        write(tmp_path / f"{number}.wav", SENTENCE, RATE)
    write(tmp_path / "short.wav", SENTENCE[: RATE // 2], RATE)
    write(tmp_path / "silence.wav", np.zeros(44100), 22050)
    files = ("silence.wav", "short.wav", "0.wav", "missing.wav", "1.wav", "2.wav")
    done = run("classify", "--model", model, "--profile", "anna", "--json", *files, cwd=tmp_path)
    assert done.returncode == 1  # one is missing
    assert n_utterances(folder) == 3
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[2] == {
        "path": "0.wav",
        **EmotionClassifier("tess-mlp").classify(tmp_path / "0.wav").to_dict(),
    }  # nothing was learned before it
    assert len({json.dumps(line["probabilities"]) for line in (lines[2], lines[4], lines[5])}) == 3
    assert done.stderr.startswith(f"new voice profile: {folder / 'anna.json'}\n")  # so a mistyped name is noticed
    again = run("classify", "--model", model, "--profile", "anna", "0.wav", cwd=tmp_path)
    assert again.returncode == 0
    assert again.stderr == f"voice profile with 3 utterances: {folder / 'anna.json'}\n"
    assert n_utterances(folder) == 4
    path = tmp_path / "here.json"
    assert run("classify", "--model", model, "--profile", path, "0.wav", cwd=tmp_path).returncode == 0
    assert VoiceProfile.load(path).utterances == 1


def test_without_speech_no_profile_is_saved(tmp_path, folder, model):
    write(tmp_path / "silence.wav", np.zeros(44100), 22050)
    assert run("classify", "--model", model, "--profile", "anna", tmp_path / "silence.wav").returncode == 0
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signals_do_not_lose_what_was_learned(folder, model, number):
    path = keep(folder, utterances=10)
    with subprocess.Popen(
        command("listen", "--input", "-", "--rate", RATE, "--model", model, "--profile", "anna", "--json"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as listening:
        samples = np.concatenate([talk(6), talk(1)[: round(2.5 * RATE)]])  # the seventh has not ended
        listening.stdin.write((samples * 32767).astype("<i2").tobytes())
        listening.stdin.flush()
        until = time.monotonic() + 30
        while VoiceProfile.load(path).utterances < 15 and time.monotonic() < until:  # it is saved after every five
            time.sleep(0.1)
        time.sleep(0.5)
        listening.send_signal(number)
        listening.stdout.read()
        assert listening.wait(20) == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert n_utterances(folder) >= (15 if number == signal.SIGKILL else 17)
    assert list(folder.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, into which not even root may write")
@pytest.mark.parametrize("use", ["listen", "classify"])
def test_a_place_that_cannot_be_written(file, model, use):
    arguments = ("listen", "--input", file) if use == "listen" else ("classify", file)
    done = run(*arguments, "--json", "--model", model, "--profile", "/proc/anna.json")
    assert done.stdout  # the answers are printed
    warnings = [line for line in done.stderr.splitlines() if "/proc/anna.json cannot be written" in line]
    assert len(warnings) == 1
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if use == "listen" else 1)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a folder that may not be written into")
def test_a_read_only_folder(folder, file, model):
    path = keep(folder, utterances=3)
    folder.chmod(0o500)
    try:
        done = run("listen", "--input", file, "--json", "--model", model, "--profile", "anna")
    finally:
        folder.chmod(0o700)
    assert done.returncode == 0
    assert done.stderr.count("cannot be written: Permission denied") == 1
    assert VoiceProfile.load(path).utterances == 3


@pytest.mark.parametrize("use", [("listen", "--input"), ("classify",)])
def test_mistakes(folder, file, model, use):
    keep(folder, utterances=1, name="other", model="another", n_features=4)
    keep(folder, utterances=1)
    (folder / "damaged.json").write_text('{"format": 1, "model": "tess-mlp"}')
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for arguments, message in [
        (
            ("--profile", "anna", "--model", "tess-mlp"),
            "the model tess-mlp does not support voice profiles",
        ),
        (
            ("--profile", "other", "--model", model),
            "made with the model another, which has 4 features, but this is tess-mlp",
        ),
        (
            ("--profile", "damaged", "--model", model),
            "cannot be used (the voice profile lacks utterances): restore a copy",
        ),
        (("--profile", "../anna", "--model", model), "the name of a voice profile: got '../anna', wanted"),
        (("--profile", "", "--model", model), "the name of a voice profile: got '', wanted"),
    ]:
        done = run(*use, file, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_model_that_was_trained_again(tmp_path, folder, file, model):
    assert run("listen", "--input", file, "--model", model, "--profile", "anna", "--json").returncode == 0
    before = (folder / "anna.json").read_bytes()
    standardisation = load("tess-mlp").recipe.standardisation
    assert standardisation is not None
    mean = tuple(number + 1 for number in standardisation.mean)
    other = write_profiled(tmp_path / "m.tflite", standardisation=replace(standardisation, mean=mean))
    for use in (("listen", "--input", file, "--profile", "anna"), ("classify", file, "--profile", "anna")):
        done = run(*use, "--model", other)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(
            "emotion-edge: the voice profile was made with another version of the model tess-mlp"
        )
    assert (folder / "anna.json").read_bytes() == before
    shown = run("profile", "show", "anna", "--model", other)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "made with another version of the model tess-mlp" in shown.stderr
    assert "strength  unknown" in run("profile", "show", "anna").stdout


def test_show_lists_all_that_can_be_read(folder):
    none = run("profile", "show", "--json")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", f"no voice profiles in {folder}\n")
    keep(folder, utterances=2)
    keep(folder, utterances=4, name="zoe", model="another")
    (folder / "damaged.json").write_text("{")
    (folder / ".zoe.abc.part").write_text("")
    shown = run("profile", "show", "--json")
    assert shown.returncode == 1
    entries = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [(entry["name"], entry["utterances"], entry["share"]) for entry in entries] == [
        ("anna", 2, None),  # the shipped tess-mlp does not support profiles
        ("zoe", 4, None),
    ]
    assert "damaged.json cannot be used" in shown.stderr


def test_show_for_people(folder, model):
    path = keep(folder, utterances=4)
    assert run("profile", "show", "anna", "--model", model).stdout == (
        "anna\n  speech    4 utterances, 8 s\n  model     tess-mlp\n"
        f"  strength  40% of the mean, more with each utterance\n  path      {path}\n"
    )
    assert "strength  unknown: its model was not found or has changed" in run("profile", "show", "anna").stdout
    keep(folder, utterances=1, name="zoe", model="another")
    done = run("profile", "show", "zoe", "--model", model)
    assert (done.returncode, "made with the model another" in done.stderr) == (1, True)


def test_reset_deletes_nothing_but_profiles(tmp_path, folder):
    path = keep(folder, utterances=1, name="damaged")
    path.write_text("{")
    assert run("profile", "reset", "damaged").returncode == 0  # a name always refers to a profile
    assert not path.exists()
    package = tmp_path / "package.json"
    package.write_text("{}")
    done = run("profile", "reset", package)
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert package.exists()
    mine = keep(tmp_path, utterances=1)
    assert run("profile", "reset", mine).returncode == 0
    assert not mine.exists()


@pytest.mark.parametrize("arguments", [(), ("show", "a", "b"), ("reset",), ("rset", "anna")])
def test_usage(arguments):
    done = run("profile", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: emotion-edge")
