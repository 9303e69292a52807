"""The command line, run as a real process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from places import ROOT
from sounds import spoken, write

import emotion_edge
import emotion_edge.cli.main
from emotion_edge import classify
from emotion_edge.model.file import shipped

pytestmark = pytest.mark.usefixtures("as_a_fresh_process")


def run(*arguments, **options):
    command = [sys.executable, "-m", "emotion_edge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two sentences, a silence and a file that is not audio."""
    folder = tmp_path_factory.mktemp("clips")
    write(folder / "one.wav", spoken(0), 22050)
    write(folder / "two.flac", spoken(1, rate=48000), 48000)
    write(folder / "silence.wav", np.zeros(8000), 8000)
    (folder / "notes.txt").write_text("not audio")
    return folder


def test_a_line_for_people(folder):
    done = run("classify", "one.wav", "silence.wav", cwd=folder)
    assert done.stdout == f"{classify(folder / 'one.wav')}  (one.wav, 2.0 s)\nno speech  (silence.wav, 1.0 s)\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_json_lines(folder):
    done = run("classify", "--json", folder / "one.wav", folder / "two.flac")
    for line, name in zip(done.stdout.splitlines(), ["one.wav", "two.flac"], strict=True):
        assert json.loads(line) == {"path": str(folder / name), **classify(folder / name).to_dict()}
    assert (done.returncode, done.stderr) == (0, "")


def test_a_failed_file_does_not_stop_the_others(folder):
    files = ("one.wav", "notes.txt", "missing.wav", "two.flac")
    done = run("classify", *files, cwd=folder)
    assert done.returncode == 1
    assert [line.split("(")[-1].split(",")[0] for line in done.stdout.splitlines()] == ["one.wav", "two.flac"]
    assert done.stderr.splitlines() == [
        "emotion-edge: notes.txt is not audio that can be read: Format not recognised",
        "emotion-edge: missing.wav: no such file",
    ]
    done = run("classify", "--json", *files, cwd=folder)
    assert done.returncode == 1
    assert done.stderr == ""
    assert [set(json.loads(line)) == {"path", "error"} for line in done.stdout.splitlines()] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "arguments", [(), ("classify",), ("clasify", "a.wav"), ("classify", "--jsn", "a.wav"), ("classify", "--model")]
)
def test_usage(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: emotion-edge")


def test_a_command_prints_its_own_usage():
    done = run("classify", "--jsn", "a.wav")
    assert done.stderr.startswith("usage: emotion-edge classify ")
    assert done.stderr.endswith("emotion-edge classify: error: unrecognized arguments: --jsn\n")
    assert run("profile", "show", "--jsn").stderr.startswith("usage: emotion-edge profile show ")


def test_debug_shows_which_model_answers_and_why(folder):
    done = run("--debug", "classify", "one.wav", "silence.wav", cwd=folder)
    assert done.stdout == run("classify", "one.wav", "silence.wav", cwd=folder).stdout
    for text in ("five-emotions, run by ", "loud enough: True; the gate finds speech", "loud enough: False"):
        assert text in done.stderr


def test_a_model_that_cannot_be_used(folder):
    done = run("classify", "--model", "notes.txt", "one.wav", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "emotion-edge: notes.txt: this is not a TFLite file\n"


def test_version_and_help():
    assert run("--version").stdout == f"emotion-edge {emotion_edge.__version__}\n"
    assert "classify" in run("--help").stdout
    assert "--json" in run("classify", "--help").stdout


def test_models():
    done = run("models")
    assert done.returncode == 0
    for text in (
        "five-emotions",
        "tess-mlp",
        "angry, fear, happy, neutral, sad",
        "KiB",
        "CC BY-NC-ND 4.0",
        "accuracy, random third",
    ):
        assert text in done.stdout
    entries = [json.loads(line) for line in run("models", "--json").stdout.splitlines()]
    assert [entry["name"] for entry in entries] == list(shipped())
    assert max(entry["size_bytes"] for entry in entries) <= 300_000
    needed = {entry["name"]: entry["encoder"] for entry in entries}
    assert (needed["five-emotions"], needed["tess-mlp"]) == ("voice-encoder", None)
    assert "needs     voice-encoder, which several models share, " in done.stdout


@pytest.mark.parametrize(
    "command",
    ["models", "classify a.wav", "classify a.wav --jobs 2 -o a.jsonl", "timeline a.wav -o a.csv", "serve", "listen"],
)
def test_a_voice_encoder_that_is_missing(tmp_path, monkeypatch, capsys, command):
    models, here = tmp_path / "models", tmp_path / "here"
    models.mkdir()
    here.mkdir()
    for path in shipped().values():
        shutil.copy(path, models)
    shutil.copy(ROOT / "examples" / "sounds" / "hello.wav", here / "a.wav")
    monkeypatch.setattr("emotion_edge.model.file._shipped_folder", lambda: models)
    monkeypatch.chdir(here)
    assert emotion_edge.cli.main.main(command.split()) == 1
    assert [path.name for path in here.iterdir()] == ["a.wav"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "needs the voice encoder voice-encoder with the checksum" in captured.err
    assert "and there is none here: install the emotion-edge that the model was made with" in captured.err
    assert captured.err.count("\n") == 1


def test_a_reader_that_closes_the_pipe_early(folder):
    files = " ".join(["one.wav"] * 50)
    done = subprocess.run(
        f"{sys.executable} -m emotion_edge classify {files} | head -1",
        shell=True,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full and a shell")
def test_output_that_cannot_be_written(folder):
    command = f"{sys.executable} -m emotion_edge"
    for redirection, status, error in [
        (">/dev/full", 1, "emotion-edge: output cannot be written: No space left on device\n"),
        (">&-", 0, ""),
    ]:
        for arguments in ("classify one.wav", "models"):
            line = f"{command} {arguments} {redirection}"
            done = subprocess.run(line, shell=True, capture_output=True, text=True, cwd=folder, timeout=60, check=False)
            assert (done.returncode, done.stdout, done.stderr) == (status, "", error)
    line = f"{command} classify --json one.wav missing.wav notes.txt 2>&-"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, cwd=folder, timeout=60, check=False)
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == ["one.wav", "missing.wav", "notes.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_names_that_the_terminal_cannot_show(folder, tmp_path):
    data = (folder / "one.wav").read_bytes()
    for name in (b"bad\xff.wav", "\u00e9.wav".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(data)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = run("classify", *sorted(path.name for path in tmp_path.iterdir()), cwd=tmp_path, env=environment)
    assert done.returncode == 0
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_names_that_would_control_a_terminal(tmp_path):
    for name in ("line\nbreak.wav", "\x1b[31mred\x1b]0;title\x07.wav"):
        write(tmp_path / name, spoken(), 22050)
        done = run("classify", name, f"no-{name}", cwd=tmp_path)
        escaped = name.encode("unicode_escape").decode()
        assert done.stdout.endswith(f"({escaped}, 2.0 s)\n")
        assert done.stderr == f"emotion-edge: no-{escaped}: no such file\n"


def test_odd_names(tmp_path):
    for name in ("a b.wav", "ünï😀.wav", "-dash.wav", "line\nbreak.wav"):
        write(tmp_path / name, spoken(), 22050)
        (line,) = run("classify", "--json", f"./{name}", cwd=tmp_path).stdout.splitlines()
        assert json.loads(line)["path"] == f"./{name}"
