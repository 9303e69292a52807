"""The documentation: its code blocks work, and the site can be built."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import emotion_edge_converter.cli.main
import keras
import numpy as np
import pytest
import soundfile
from places import ROOT
from sounds import write

import emotion_edge.cli.main
from emotion_edge.live.sources import FileSource
from emotion_edge.model.file import load, shipped

PAGES = [ROOT / "README.md", ROOT / "converter" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PARSERS = {
    "emotion-edge": emotion_edge.cli.main._parser,
    "emotion-edge-converter": emotion_edge_converter.cli.main._parser,
}


def blocks(language, page):
    """The fenced code blocks of one language; "" means a block without one."""
    found = re.findall(r"^```(.*)\n((?:(?!```).*\n)*)```$", page.read_text(), re.MULTILINE)
    return [code for name, code in found if name == language]


def named(cases):
    return [pytest.param(*case, id=f"{case[0].relative_to(ROOT)}-{number}") for number, case in enumerate(cases)]


# A test machine may have no microphone: the blocks run unchanged, but with a file instead.
MICROPHONE = """
import emotion_edge.live.listener
from emotion_edge import FileSource
emotion_edge.live.listener.MicrophoneSource = lambda device: FileSource("hello.wav")
"""


@pytest.mark.parametrize(("page", "code"), named((page, code) for page in PAGES for code in blocks("python", page)))
def test_python_blocks_run(page, code, tmp_path):
    shutil.copy(ROOT / "examples" / "sounds" / "hello.wav", tmp_path / "hello.wav")
    done = subprocess.run(
        [sys.executable, "-c", MICROPHONE + code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "EMOTION_EDGE_PROFILES": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def commands(page):
    """The commands in the code blocks: the words of every call of one of our programs."""
    for code in (*blocks("", page), *blocks("sh", page)):
        for line in code.replace("\\\n", " ").splitlines():
            for command in re.split(r"&&|\|", line):
                words = shlex.split(command, comments=True)
                program = Path(words[0]).name if words else ""
                if program in PARSERS and "..." not in words:
                    yield program, words[1:]


@pytest.mark.parametrize(
    ("page", "program", "words"), named((page, *command) for page in PAGES for command in commands(page))
)
def test_commands_are_accepted(page, program, words):
    """By the parser of the program itself, which exits if it does not know an option."""
    PARSERS[program]().parse_args(words)


TESTED_ELSEWHERE = {  # commands that need more than a folder of files, and the tests that run them
    "devices": "test_virtual_microphone.py",
    "doctor": "runtime/doctor/test_checks.py",
    "record": "test_virtual_microphone.py",
    "serve": "runtime/web",
    "--mqtt": "runtime/cli/test_publishing.py",
}


def matching(word):
    """The names that a shell would put instead of a pattern."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES if [*commands(page)]]
)
def test_commands_run(page, tmp_path, monkeypatch, capsys):
    """One after another in a folder with the files that they name, and with a file instead of the microphone."""
    sounds = ROOT / "examples" / "sounds"
    shutil.copytree(sounds, tmp_path / "examples" / "sounds")
    shutil.copytree(sounds, tmp_path / "talks")
    for name in ("hello.wav", "talk.wav"):
        shutil.copy(sounds / "hello-slow.wav", tmp_path / name)
    for name in ("mine.tflite", "manners.tflite"):
        shutil.copy(shipped()["five-emotions"], tmp_path / name)
    (tmp_path / "names").write_text("talks/hello.wav\0")
    soundfile.write(tmp_path / "talk.flac", *soundfile.read(tmp_path / "talk.wav"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTION_EDGE_PROFILES", str(tmp_path / "profiles"))
    monkeypatch.setattr("emotion_edge.cli.listen.MicrophoneSource", lambda device: FileSource("talk.wav"))
    for program, words in commands(page):
        if program == "emotion-edge" and not TESTED_ELSEWHERE.keys() & set(words):
            with Path("names" if "--files-from" in words else "talk.wav").open() as piped:
                monkeypatch.setattr("sys.stdin", piped)
                status = emotion_edge.cli.main.main([name for word in words for name in matching(word)])
            assert status == 0, (words, capsys.readouterr().err)


@pytest.mark.parametrize("name", ["own-labels", "own-model"])
def test_making_your_own_model_from_the_first_command_to_the_last(name, tmp_path, monkeypatch, capsys):
    """With recordings in which one label has a higher pitch than the other."""
    for label, factor in (("calm", 1.0), ("cross", 2.5)):
        for number, speaker in enumerate(("anna", "ben")):
            for clip in range(6):
                seconds = np.arange(12_000) / 22050
                sound = 0.2 * np.sign(np.sin(2 * np.pi * (100 + 5 * number + clip) * factor * seconds))
                for corpus in ("recordings", "other-recordings"):
                    write(tmp_path / corpus / label / speaker / f"{clip}.wav", sound, 22050)
    shutil.copy(ROOT / "examples" / "sounds" / "hello.wav", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emotion_edge_converter.cli.arguments.EPOCHS", 10)  # enough for sounds that differ so much
    monkeypatch.setattr("emotion_edge.cli.listen.MicrophoneSource", lambda device: FileSource("hello.wav"))
    programs = {
        "emotion-edge": emotion_edge.cli.main.main,
        "emotion-edge-converter": emotion_edge_converter.cli.main.main,
    }
    for program, words in commands(ROOT / "docs" / "how-to" / f"{name}.md"):
        if "mine.h5" in words:  # the model that a user brings
            keras.models.load_model("mine.keras").save("mine.h5")
            Path("mine.train.csv").rename("recordings.csv")
            Path("mine.tflite").unlink()
        assert programs[program](words) == 0, (words, capsys.readouterr().err)
    assert {"calm", "cross"} == {*load(next(tmp_path.glob("*.tflite"))).recipe.labels}


def test_the_site_can_be_built(tmp_path):
    """Every link has a target, and every docstring can be parsed."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    home = (tmp_path / "site" / "index.html").read_text()
    assert "Speech emotion recognition for small devices" in home
    assert not re.search(r'(?:src|href)="https?://[^"]*\.(?:js|css|woff2?)"', home), (
        "the site loads something from elsewhere"
    )
    assert (tmp_path / "site" / "models" / "five-emotions" / "index.html").is_file()
