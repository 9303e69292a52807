"""Imports go one way: from rooms that know more to rooms that know less. docs/architecture.md draws it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from places import ROOT

# From the bottom up. A room may import itself and the rooms of earlier rows. Rooms in the same row do not import each
# other.
RUNTIME = [
    "errors palette prediction",
    "files schema",
    "audio features",
    "model",
    "speech",
    "profile",
    "classifier",
    "timelines",
    "live batch doctor",
    "timeline_files mqtt web",
    "cli",
]
CONVERTER = [
    "errors settings quiet",
    "files processes",
    "corpora",
    "recordings",
    "features evaluation",
    "conversion",
    "encoder",
    "training",
    "models",
    "reports",
    "cli",
]
PACKAGES = {
    "emotion_edge": (ROOT / "emotion_edge", RUNTIME),
    "emotion_edge_converter": (ROOT / "converter" / "emotion_edge_converter", CONVERTER),
}


class Import(NamedTuple):
    """A line of `file` that imports from the room `to`; the package itself is an empty name."""

    file: Path
    line: int
    to: str


def imports(package: str, folder: Path, file: Path) -> Iterator[Import]:
    """The imports from the file's own package, anywhere in the file."""
    own = file.relative_to(folder).with_suffix("").parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = own[: len(own) - node.level]
            path = [*base, *(node.module.split(".") if node.module else [])]
            for name in [path[0]] if path else [alias.name for alias in node.names]:
                yield Import(file, node.lineno, name)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
            yield Import(file, node.lineno, ([*node.module.split("."), ""])[1])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == package:
                    yield Import(file, node.lineno, ([*alias.name.split("."), ""])[1])


def forbidden(package: str, folder: Path, rows: list[str]) -> list[str]:
    """The lines that break the rule, as `file:line: reason`."""
    floor = {room: number for number, row in enumerate(rows) for room in row.split()}
    found = []
    for file in sorted(folder.rglob("*.py")):
        room = file.relative_to(folder).with_suffix("").parts[0]
        if room in ("__init__", "__main__"):
            continue
        assert room in floor, f"{file}: add the room {room} to the rows of {__file__}"
        for line in imports(package, folder, file):
            allowed = line.to == room or line.to not in floor or floor[line.to] < floor[room]
            if not allowed:
                found.append(f"{file}:{line.line}: {room} must not import {line.to}, which is above it or beside it")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package):
    assert not forbidden(package, *PACKAGES[package])


@pytest.mark.parametrize("package", PACKAGES)
def test_the_docstring_of_a_folder_names_its_modules_and_it_imports_nothing(package):
    folder, _ = PACKAGES[package]
    for file in folder.glob("*/__init__.py"):
        (docstring,) = ast.parse(file.read_text(encoding="utf-8")).body
        assert isinstance(docstring, ast.Expr), file
        rooms = {each.stem for each in file.parent.glob("*.py") if each.stem != "__init__"}
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        assert not {room for room in rooms if f"`{room}`" not in text}, f"{file} does not name them"


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("audio/files.py", "from ..features import mfcc"),
        ("audio/files.py", "from ..features.mfcc import Mfcc"),
        ("features/mel.py", "def later():\n    from ..model.file import load"),
        ("live/stream.py", "import emotion_edge.batch.results"),
        ("live/stream.py", "from emotion_edge.cli import main"),
        ("errors.py", "from .files import replacing"),
    ],
)
def test_a_forbidden_import_is_found_with_its_line(tmp_path, place, line):
    for row in RUNTIME:
        for room in row.split():
            (tmp_path / room).mkdir()
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"import os\n\n{line}\n")
    (found,) = forbidden("emotion_edge", tmp_path, RUNTIME)
    assert found.startswith(f"{file}:{3 + line.count(chr(10))}: ")
