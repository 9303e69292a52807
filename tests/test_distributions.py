"""The contents and the metadata of both distributions, checked offline. test_wheel.py installs them."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from places import ROOT

import emotion_edge

PROJECTS = {"emotion_edge": ROOT, "emotion_edge_converter": ROOT / "converter"}


class Built(NamedTuple):
    """A distribution: the wheel built from the source distribution, the source distribution, the wheel of the tree."""

    package: str
    wheel: Path
    source: Path
    wheel_of_tree: Path

    @property
    def metadata(self) -> Message:
        with zipfile.ZipFile(self.wheel) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            return email.message_from_string(archive.read(name).decode())


@pytest.fixture(scope="module", params=PROJECTS)
def built(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", PROJECTS[request.param], "--outdir"]
    for command in ([*build, folder], [*build, folder / "tree", "--wheel"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    ((wheel,), (source,), (wheel_of_tree,)) = (folder.glob(each) for each in ("*.whl", "*.tar.gz", "tree/*.whl"))
    return Built(request.param, wheel, source, wheel_of_tree)


def test_the_source_distribution_is_complete(built):
    assert built.wheel.read_bytes() == built.wheel_of_tree.read_bytes()


def test_one_version_for_both(built):
    assert built.metadata["Version"] == emotion_edge.__version__
    ours = [Requirement(each) for each in built.metadata.get_all("Requires-Dist") if "emotion-edge" in each]
    assert len(ours) == (built.package == "emotion_edge_converter")
    assert all(each.specifier.contains(emotion_edge.__version__) for each in ours)


def test_the_wheel_contains_exactly_the_files_of_the_package(built):
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", built.package]
    tracked = subprocess.run(command, cwd=PROJECTS[built.package], capture_output=True, text=True, check=False)
    if tracked.returncode or not tracked.stdout:
        pytest.skip("not a git checkout: the files of the package are not known")
    expected = set(tracked.stdout.splitlines())
    assert f"{built.package}/py.typed" in expected
    if built.package == "emotion_edge":
        models = [path for suffix in ("tflite", "md", "LICENSE") for path in (ROOT / "models").glob(f"*.{suffix}")]
        expected |= {f"emotion_edge/models/{path.name}" for path in models}
    names = {name for name in zipfile.ZipFile(built.wheel).namelist() if ".dist-info/" not in name}
    assert names == expected


def test_the_licence_is_named_and_included(built):
    with zipfile.ZipFile(built.wheel) as archive:
        (text,) = [archive.read(name) for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
    assert text == (ROOT / "LICENSE").read_bytes()
    expression = built.metadata["License-Expression"]
    is_runtime = built.package == "emotion_edge"
    weights = " AND CC-BY-NC-ND-4.0 AND CC-BY-NC-SA-4.0 AND MIT" if is_runtime else ""
    assert expression == "Apache-2.0" + weights
    notices = ["models/voice-encoder.LICENSE"] if is_runtime else []
    assert built.metadata.get_all("License-File") == ["LICENSE", *notices]


def test_the_voice_encoder_travels_with_its_notice(built):
    """The MIT licence asks for it in all copies: in the list of licences, beside the file, and in its card."""
    if built.package != "emotion_edge":
        pytest.skip("only the runtime contains the encoder")
    encoder, notice = (ROOT / "models" / f"voice-encoder.{suffix}" for suffix in ("tflite", "LICENSE"))
    with zipfile.ZipFile(built.wheel) as archive:
        (info,) = [name.removesuffix("METADATA") for name in archive.namelist() if name.endswith("/METADATA")]
        wheel = {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(built.source) as archive:
        members = [member for member in archive.getmembers() if "/models/voice-encoder." in member.name]
        source = {member.name.split("/", 1)[1]: archive.extractfile(member).read() for member in members}
    assert wheel[f"{info}licenses/models/voice-encoder.LICENSE"] == notice.read_bytes()
    for files, folder in ((wheel, "emotion_edge/models"), (source, "models")):
        assert files[f"{folder}/voice-encoder.tflite"] == encoder.read_bytes()
        assert files[f"{folder}/voice-encoder.LICENSE"] == notice.read_bytes()
        for text in (notice.read_text(), files[f"{folder}/voice-encoder.md"].decode()):
            assert "Copyright (c) 2022 OpenAI" in text
            assert "The above copyright notice and this permission notice shall be included in all" in text
    assert b"Copyright (c) 2022 OpenAI" in encoder.read_bytes()  # in its recipe


def test_the_readme_of_an_index_page_has_no_relative_links(built):
    readme = (PROJECTS[built.package] / "README.md").read_text()
    page = built.metadata.get_payload()
    assert built.metadata["Description-Content-Type"] == "text/markdown"
    assert not re.findall(r"\]\((?!https?:)", page)
    assert re.findall(r"^#+ .*", page, re.MULTILINE) == re.findall(r"^#+ .*", readme, re.MULTILINE)
    assert page.count("```") == readme.count("```")


def test_the_source_distribution_contains_what_a_reader_needs(built):
    with tarfile.open(built.source) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"} <= names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "docs", "build", "dist", ".venv"))]
