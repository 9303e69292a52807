"""`emotion-edge doctor` as a real process, in installations in which something is missing or broken."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import zlib
from importlib.metadata import version
from pathlib import Path

import pytest
from places import ROOT

from emotion_edge.doctor import checks as doctor
from emotion_edge.model import file as model

PIP = f"{sys.executable} -m pip"
NOT_INSTALLED = "raise ModuleNotFoundError(f'No module named {__name__!r}', name=__name__)"


class Installation:
    """A copy of the package in which a test can break things."""

    def __init__(self, folder: Path):
        self.package = folder / "emotion_edge"
        ignored = shutil.ignore_patterns("__pycache__", "*.keras")
        shutil.copytree(ROOT / "emotion_edge", self.package, ignore=ignored)
        shutil.copytree(ROOT / "models", self.package / "models", ignore=ignored)
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "PATH": str(self.programs), "LC_ALL": "C.UTF-8"}

    def module(self, name, code):
        """Write a module where Python finds it first."""
        path = self.package.parent / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)

    def program(self, name):
        """Make it look as if a program were installed."""
        (self.programs / name).write_text("#!/bin/sh\n")
        (self.programs / name).chmod(0o755)

    def run(self, *arguments, **environment):
        """Run `emotion-edge doctor` and check that it prints no errors."""
        command = [sys.executable, "-m", "emotion_edge", "doctor", *arguments]
        settings = {**self.environment, **environment}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False, env=settings, cwd=self.package.parent
        )
        assert done.stderr == ""
        return done

    def examine(self, **environment):
        """Return the exit status and the findings: models and interpreters by name, the others by check."""
        done = self.run("--json", **environment)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        assert findings[-1]["check"] == "self-test"
        assert all(set(each) == {"check", "status", "summary", "fix", "details"} for each in findings)
        by_name = {}
        for each in findings:
            is_named = each["check"] in ("model", "encoder", "interpreter")
            by_name[each["details"].get("name", "?") if is_named else each["check"]] = each
        return done.returncode, by_name


@pytest.fixture
def installation(tmp_path):
    return Installation(tmp_path)


def statuses(findings, *names):
    return [findings[name]["status"] for name in names]


def test_a_complete_installation(installation):
    status, findings = installation.examine()
    assert status == 0
    assert "PortAudio" in findings  # it may be missing
    assert statuses(findings, "Python", "soundfile", "soxr", "self-test") == ["ok"] * 4
    for package in ("ai-edge-litert", "numpy", "soundfile", "soxr"):
        assert findings[package]["details"]["version"] == version(package)
        assert findings[package]["status"] == "ok"
    assert "in use" in findings["ai-edge-litert"]["summary"]
    assert {"FLAC", "MP3", "OGG", "WAV"} <= set(findings["soundfile"]["details"]["formats"])
    for name, path in {**model.shipped(), model.ENCODER: model.shipped_encoder(model.ENCODER)}.items():
        content = path.read_bytes()
        stored = bytes.fromhex(findings[name]["details"]["crc32"])[::-1]
        assert content.count(stored) == 1
        assert zlib.crc32(content.replace(stored, bytes(4))) == struct.unpack("<I", stored)[0]
        assert findings[name]["details"]["size_bytes"] == len(content)


def test_an_installation_with_only_numpy(installation):
    for name in ("ai_edge_litert", "tflite_runtime", "soundfile", "soxr", "sounddevice"):
        installation.module(name, NOT_INSTALLED)
    status, findings = installation.examine()
    assert status == 0
    for name in ("ai-edge-litert", "soundfile", "soxr"):
        assert (findings[name]["status"], findings[name]["fix"]) == ("warning", f"{PIP} install {name}")
        assert "not installed" in findings[name]["summary"]
    assert (findings["PortAudio"]["status"], findings["PortAudio"]["fix"]) == ("warning", f"{PIP} install sounddevice")
    assert findings["tflite-runtime"]["status"] == "unneeded"
    assert "in use" in findings["numpy"]["summary"]
    assert findings["self-test"]["status"] == "ok"
    assert findings["self-test"]["details"]["status"] in ("ok", "uncertain")  # speech was found


@pytest.mark.parametrize(
    ("program", "libsndfile", "portaudio"),
    [
        ("apt", "sudo apt install libsndfile1", "sudo apt install libportaudio2"),
        ("brew", "brew install libsndfile", "brew install portaudio"),
        (None, None, None),
    ],
)
@pytest.mark.slow
def test_missing_system_libraries(installation, program, libsndfile, portaudio):
    installation.module("soundfile", "raise OSError('sndfile library not found')")
    installation.module("sounddevice", "raise OSError('PortAudio library not found')")
    installation.module("soxr", "import _a_part_of_it")
    if program:
        installation.program(program)
    status, findings = installation.examine()
    assert status == 0
    assert statuses(findings, "soundfile", "PortAudio", "soxr", "self-test") == ["warning"] * 3 + ["ok"]
    assert (findings["soundfile"]["fix"], findings["PortAudio"]["fix"]) == (libsndfile, portaudio)
    assert findings["soundfile"]["summary"] == "sndfile library not found; only WAV can be read"
    assert findings["soxr"]["fix"] == f"{PIP} install --force-reinstall soxr"
    assert "microphone" not in findings


@pytest.mark.skipif(os.name == "nt", reason="no signals")
@pytest.mark.slow
def test_an_interpreter_that_crashes_python(installation):
    installation.module("ai_edge_litert.interpreter", "import os; os.kill(os.getpid(), 4)")
    installation.module("ai_edge_litert.__init__", "")
    status, findings = installation.examine()
    assert status == 1
    broken = findings["ai-edge-litert"]
    assert (broken["status"], broken["fix"]) == ("error", f"{PIP} uninstall ai-edge-litert")
    assert broken["summary"] == "ai-edge-litert: it crashes (SIGILL)"
    assert (findings["self-test"]["status"], findings["self-test"]["fix"]) == ("error", broken["fix"])
    status, findings = installation.examine(EMOTION_EDGE_INTERPRETER="numpy")
    assert status == 0
    assert statuses(findings, "ai-edge-litert", "self-test") == ["warning", "ok"]
    assert "in use" in findings["numpy"]["summary"]


def test_an_interpreter_that_does_not_exist(installation):
    status, findings = installation.examine(EMOTION_EDGE_INTERPRETER="onnx")
    assert status == 1
    assert findings["?"]["summary"].startswith("EMOTION_EDGE_INTERPRETER: got 'onnx', wanted one of ai-edge-litert, ")
    assert findings["self-test"]["fix"] == findings["?"]["fix"] == "unset EMOTION_EDGE_INTERPRETER"


def test_models_that_are_damaged_or_missing(installation):
    models = installation.package / "models"
    for name in model.shipped():
        content = bytearray((models / f"{name}.tflite").read_bytes())
        content[len(content) // 2] ^= 1
        (models / f"{name}.tflite").write_bytes(content)
    (models / "speech-gate.tflite").unlink()
    status, findings = installation.examine()
    assert status == 1
    assert statuses(findings, "five-emotions", "tess-mlp", "speech-gate") == ["error", "warning", "error"]
    assert {findings[name]["fix"] for name in ("five-emotions", "tess-mlp", "speech-gate", "self-test")} == {
        f"{PIP} install --force-reinstall --no-deps emotion-edge"
    }
    assert "damaged" in findings["self-test"]["summary"]
    assert not {"ai-edge-litert", "numpy"} & set(findings)  # there is no model to test them with


def test_a_damaged_model_that_is_not_needed(installation):
    (installation.package / "models" / "tess-mlp.tflite").write_bytes(b"not a model")
    status, findings = installation.examine()
    assert status == 0
    assert statuses(findings, "tess-mlp", "self-test") == ["warning", "ok"]


def test_interpreters_are_not_blamed_for_a_damaged_model(installation):
    (installation.package / "models" / "five-emotions.tflite").write_bytes(b"not a model")
    status, findings = installation.examine()
    assert status == 1
    assert statuses(findings, "five-emotions", "ai-edge-litert", "numpy") == ["error", "ok", "ok"]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((5,), r"got \w+.*, and with numpy, probabilities differ"), ((2,), "no speech was found in it")],
)
def test_an_interpreter_that_computes_wrong_results(installation, sizes, message):
    code = f"""
from emotion_edge.model import numpy_interpreter
class Interpreter(numpy_interpreter.Interpreter):
    def get_tensor(self, index):
        found = super().get_tensor(index)
        return -found if found.shape[-1] in {sizes} else found
"""
    installation.module("ai_edge_litert.interpreter", code)
    installation.module("ai_edge_litert.__init__", "")
    status, findings = installation.examine()
    assert status == 1
    assert re.search(message, findings["self-test"]["summary"])
    assert findings["self-test"]["fix"] == f"{PIP} install --force-reinstall emotion-edge"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.unlink(), "there is none here"),
        (lambda path: path.write_bytes(path.read_bytes()[:1000]), "voice-encoder.tflite is damaged"),
        (lambda path: shutil.copy(path.with_name("tess-mlp.tflite"), path), "voice-encoder.tflite has the checksum"),
    ],
    ids=["missing", "truncated", "another"],
)
def test_a_voice_encoder_that_is_missing_or_damaged(installation, change, message):
    change(installation.package / "models" / "voice-encoder.tflite")
    status, findings = installation.examine()
    assert status == 1
    assert statuses(findings, "voice-encoder", "five-emotions", "numpy", "self-test") == ["error", "ok", "ok", "error"]
    encoder = findings["voice-encoder"]
    assert message in encoder["summary"]
    assert "without it" in encoder["summary"]
    assert "five-emotions" in encoder["summary"].split("without it")[1]
    assert encoder["fix"] == findings["self-test"]["fix"] == f"{PIP} install --force-reinstall --no-deps emotion-edge"


def test_a_microphone_without_permission_to_use_it(monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may use every device
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: [folder / "pcmC0D0c"])
    found = doctor._no_microphone()
    assert (found.status, found.fix) == ("warning", "sudo usermod -aG audio $USER")


def test_the_text_for_people(installation):
    installation.module("soxr", NOT_INSTALLED)
    installation.program("pip")
    done = installation.run(COLUMNS="60")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    first, *lines, verdict = done.stdout.splitlines()
    assert first.startswith("emotion-edge ")
    assert verdict.startswith("It can classify")
    assert {line[0] for line in lines} <= set("✓–! ")
    at = next(n for n, line in enumerate(lines) if line.startswith("! soxr"))
    assert lines[at].split()[2:4] == ["not", "installed;"]
    assert next(line for line in lines[at:] if "$" in line).strip() == f"$ {PIP} install soxr"
    assert all(len(line) <= 60 for line in lines if "$" not in line)
    plain = installation.run(PYTHONIOENCODING="ascii").stdout
    assert {line[0] for line in plain.splitlines()[1:-1]} <= set("+-! ")


@pytest.mark.parametrize(("setting", "coloured"), [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal(installation, setting, coloured):
    ours, theirs = pty.openpty()
    environment = {**installation.environment, "TERM": "xterm", **setting}
    with subprocess.Popen(
        [sys.executable, "-m", "emotion_edge", "doctor"],
        stdout=theirs,
        env=environment,
        cwd=installation.package.parent,
    ) as process:
        os.close(theirs)
        drawn = b""
        try:
            while data := os.read(ours, 65536):
                drawn += data
        except OSError:  # Linux raises it when the other side is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    assert ("\x1b[32m✓\x1b[0m Python" in drawn.decode()) == coloured
    assert ("\x1b" in drawn.decode()) == coloured


def test_the_pip_of_an_active_environment(installation):
    folder = Path(sys.executable).parent
    if not (folder / "pip").exists():
        pytest.skip("this environment has no pip beside its python")
    installation.module("soxr", NOT_INSTALLED)
    _, findings = installation.examine(PATH=str(folder))
    assert findings["soxr"]["fix"] == "pip install soxr"
