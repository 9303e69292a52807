"""The built wheel in a new virtual environment, as a user installs it. Needs a package index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from places import ROOT
from sounds import spoken, write

from emotion_edge import EmotionClassifier
from emotion_edge.doctor.checks import tflite_package
from emotion_edge.model.file import shipped

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
    """The wheel, built from the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True, capture_output=True
    )
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module", params=INTERPRETERS)
def environment(request, wheel, tmp_path_factory):
    """The Python of an environment with the wheel, its requirements, and one of the interpreters."""
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


def test_the_contents_of_the_wheel(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"emotion_edge/models/voice-encoder.{suffix}" for suffix in ("tflite", "md", "LICENSE")} <= set(names)
    for model in shipped():
        assert {f"emotion_edge/models/{model}.{suffix}" for suffix in ("tflite", "md")} <= set(names)
    assert "emotion_edge/py.typed" in names
    assert {f"emotion_edge/web/static/{name}" for name in ("index.html", "style.css", "main.js", "icon.svg")} <= set(
        names
    )
    assert {f"emotion_edge/timeline_files/page.{suffix}" for suffix in ("css", "js")} <= set(names)
    assert not [
        name for name in names if name.endswith(".keras") or name.startswith(("tests/", "models/", "converter/"))
    ]
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"emotion_edge"}


SOUND = {"sounddevice", "soundfile", "soxr"}
LITERT, TFLITE = {"ai-edge-litert"}, {"tflite-runtime", "numpy<2"}


@pytest.mark.parametrize(
    ("platform", "machine", "pythons", "expected"),
    [
        ("linux", "x86_64", ["3.10", "3.11", "3.12", "3.13", "3.14"], SOUND | LITERT),
        ("linux", "aarch64", ["3.11", "3.13"], SOUND | LITERT),  # Raspberry Pi OS Bookworm and Trixie, 64 bit
        ("linux", "armv7l", ["3.11"], TFLITE),  # Bookworm, 32 bit
        ("linux", "armv8l", ["3.11"], TFLITE),  # the same under a 64-bit kernel, as linux32 shows it
        ("linux", "armv7l", ["3.13"], set()),  # Trixie, 32 bit
        ("linux", "armv6l", ["3.11", "3.13"], set()),  # Pi Zero
        ("linux", "riscv64", ["3.13"], SOUND),
        ("darwin", "arm64", ["3.10", "3.14"], SOUND | LITERT),
        ("darwin", "x86_64", ["3.12"], SOUND),
        ("win32", "AMD64", ["3.10", "3.14"], SOUND | LITERT),
        ("win32", "ARM64", ["3.13"], SOUND - {"soxr"}),
    ],
)
def test_the_requirements_of_each_platform(wheel, platform, machine, pythons, expected):
    metadata = zipfile.ZipFile(wheel).read(f"{wheel.stem.rsplit('-', 3)[0]}.dist-info/METADATA")
    requirements = Metadata.from_email(metadata, validate=True).requires_dist
    for python in pythons:
        target = {"sys_platform": platform, "platform_machine": machine, "python_version": python, "extra": ""}
        chosen = {
            _without_minimum(each) for each in requirements if each.marker is None or each.marker.evaluate(target)
        }
        assert chosen == {"numpy", "tqdm"} | expected
        major, minor = python.split(".")
        version = int(major), int(minor)
        package = tflite_package(platform, machine, version, is_64_bit=machine not in ("armv6l", "armv7l", "armv8l"))
        assert {package} - {None} == expected & {"ai-edge-litert", "tflite-runtime"}  # what the doctor recommends


def _without_minimum(requirement: Requirement) -> str:
    """The name of a distribution; for numpy with its upper bound, on which an interpreter depends."""
    limits = sorted(str(each) for each in requirement.specifier if each.operator == "<")
    return requirement.name + (limits[0] if limits and requirement.name == "numpy" else "")


def test_a_fresh_process_imports_nothing_heavy_and_answers_the_same(environment, clip, tmp_path):
    python, interpreter = environment
    done = subprocess.run([python, "-c", IMPORTS, clip], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr == ""
    answer, backend, modules = json.loads(done.stdout)
    assert backend == interpreter
    heavy = {"tensorflow", "keras", "librosa", "scipy", "sklearn", "numba", "matplotlib", "pandas", "jax"}
    if interpreter != "tflite-runtime":
        heavy.add("_hashlib")  # OpenSSL, 6 MB; tflite-runtime needs numpy 1, which loads it itself
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
    models = subprocess.run([command, "models"], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert "tess-mlp" in models
    assert "voice-encoder" not in models.splitlines()  # it is a file that models need, and no model


def test_the_doctor(environment, tmp_path):
    python, interpreter = environment
    command = [python.with_name("emotion-edge"), "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr == ""
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    (encoder,) = [each for each in findings if each["check"] == "encoder"]
    assert encoder["status"] == "ok"
    (in_use,) = [each for each in findings if each["check"] == "interpreter" and "in use" in each["summary"]]
    assert in_use["details"]["name"] == interpreter
    warned = [each["fix"] for each in findings if each["check"] == "interpreter" and each["status"] == "warning"]
    assert [fix.split(" -m ")[-1] for fix in warned] == (
        ["pip install ai-edge-litert"] if interpreter == "numpy" else []
    )
