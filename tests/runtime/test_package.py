"""The public names, and what each import loads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sounds import SPOKEN

import emotion_edge


def typed():
    """Map each public name to its module, as type checkers see them."""
    tree = ast.parse(Path(emotion_edge.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    return {alias.asname: node.module for node in imports for alias in node.names}


def test_every_name_in_the_stub_can_be_imported():
    assert sorted(vars(emotion_edge)["__all__"]) == sorted(typed())
    assert set(typed()) <= set(dir(emotion_edge))
    for name, module in typed().items():
        assert getattr(emotion_edge, name) is getattr(sys.modules[f"emotion_edge.{module}"], name)


def test_a_star_import_imports_all_names():
    names: dict[str, object] = {}
    exec("from emotion_edge import *", names)
    assert typed().keys() == names.keys() - {"__builtins__"}


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="module 'emotion_edge' has no attribute 'Emotion'"):
        _ = getattr(emotion_edge, "Emotion")  # noqa: B009
    with pytest.raises(ImportError, match="cannot import name 'Emotion'"):
        from emotion_edge import Emotion  # type: ignore[attr-defined]  # noqa: F401


def test_importing_the_package_loads_almost_nothing():
    code = "import sys, emotion_edge; print('numpy' in sys.modules, emotion_edge.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", emotion_edge.__version__]


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_the_command_line_starts_no_threads_unless_the_user_asks_for_them():
    def threads_and_setting(**wanted):
        code = (
            f"import os, sys; from emotion_edge.cli.main import main; main(['classify', {str(SPOKEN[0])!r}]); "
            "print(len(os.listdir('/proc/self/task')), os.environ['OPENBLAS_NUM_THREADS'])"
        )
        others = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=others | wanted)
        return done.stdout.splitlines()[-1].split()

    assert threads_and_setting() == ["1", "1"]
    assert threads_and_setting(OPENBLAS_NUM_THREADS="2")[1] == "2"
