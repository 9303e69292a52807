"""The built wheel in a virtual environment of its own, as a user gets it. Needs a package index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from sounds import spoken, write

from emotion_edge import EmotionClassifier

ROOT = Path(__file__).parents[1]
INTERPRETERS = ["ai-edge-litert", "numpy"]
if sys.platform == "linux" and sys.version_info < (3, 12):
    INTERPRETERS.append("tflite-runtime")

IMPORTS = """
import json, sys
from emotion_edge import EmotionClassifier
classifier = EmotionClassifier()
prediction = classifier.classify(sys.argv[1])
print(json.dumps([prediction.to_dict(), classifier._interpreter.backend, sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built by way of the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True, capture_output=True
    )
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module", params=INTERPRETERS)
def environment(request, wheel, tmp_path_factory):
    """The python of an environment that holds the wheel and what it asks for, with one of the interpreters."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, wheel], check=True)
    if request.param != "ai-edge-litert":
        subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "ai-edge-litert"], check=True)
    if request.param == "tflite-runtime":  # as on 32-bit ARM
        subprocess.run([*install, "tflite-runtime", "numpy<2"], check=True)
    return python, request.param


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write(tmp_path_factory.mktemp("clip") / "voice.wav", spoken(rate=44100), 44100)


def test_what_is_in_the_wheel(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for model in ("five-emotions", "speech-gate", "tess-mlp"):
        assert {f"emotion_edge/models/{model}.{suffix}" for suffix in ("tflite", "md")} <= set(names)
    assert "emotion_edge/py.typed" in names
    assert {f"emotion_edge/web/static/{name}" for name in ("index.html", "style.css", "main.js", "icon.svg")} <= set(
        names
    )
    assert not [
        name for name in names if name.endswith(".keras") or name.startswith(("tests/", "models/", "converter/"))
    ]
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"emotion_edge"}


def test_a_fresh_process_imports_nothing_heavy_and_answers_the_same(environment, clip, tmp_path):
    python, interpreter = environment
    done = subprocess.run([python, "-c", IMPORTS, clip], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr == ""
    answer, backend, modules = json.loads(done.stdout)
    assert backend == interpreter
    heavy = {"tensorflow", "keras", "librosa", "scipy", "sklearn", "numba", "matplotlib", "pandas", "jax"}
    assert not heavy & {module.split(".")[0] for module in modules}
    here = EmotionClassifier().classify(clip).to_dict()
    assert answer["label"] == here["label"]
    assert answer["probabilities"] == pytest.approx(here["probabilities"], abs=0.02)


def test_the_command(environment, clip, tmp_path):
    python, _ = environment
    command = python.with_name("emotion-edge")
    done = subprocess.run(
        [command, "classify", "--json", clip], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(done.stdout)["path"] == str(clip)
    assert done.stderr == ""
    assert (
        "tess-mlp"
        in subprocess.run([command, "models"], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    )
