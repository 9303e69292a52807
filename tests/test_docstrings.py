"""The examples in the docstrings of the public names work, and there is one for each of them."""

from __future__ import annotations

import doctest
import functools
import inspect
import shutil
import sys

import pytest
from places import EXAMPLES

import emotion_edge

PUBLIC: list[str] = vars(emotion_edge)["__all__"]  # which the stub does not repeat
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public_objects():
    """What users call, by its dotted name: what the root exports, and the methods and properties of its classes."""
    found = {}
    for name in PUBLIC:
        found[name] = getattr(emotion_edge, name)
        for base in inspect.getmro(found[name]) if inspect.isclass(found[name]) else ():
            if base.__module__.split(".")[0] == "emotion_edge":
                for member, value in vars(base).items():
                    if not member.startswith("_") and (inspect.isroutine(value) or is_property(value)):
                        found.setdefault(f"{name}.{member}", value)
    return found


def is_property(value):
    return isinstance(value, (property, functools.cached_property))


def examples(value):
    """The examples in a docstring. The source of a class or static method is the function in it."""
    return doctest.DocTestParser().get_examples(inspect.getdoc(getattr(value, "__func__", value)) or "")


OBJECTS = public_objects()


@pytest.mark.parametrize("name", [name for name, value in OBJECTS.items() if examples(value)])
def test_the_examples_of_a_docstring_work(name, tmp_path, monkeypatch):
    for sound in (EXAMPLES / "sounds").glob("*.wav"):
        shutil.copy(sound, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTION_EDGE_PROFILES", str(tmp_path / "profiles"))
    monkeypatch.delitem(sys.modules, "scipy.fft", raising=False)  # as in a fresh process: it changes the last digits
    docstring = inspect.getdoc(getattr(OBJECTS[name], "__func__", OBJECTS[name])) or ""
    example = doctest.DocTestParser().get_doctest(docstring, {"__name__": "__main__"}, name, None, None)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name):
    assert examples(OBJECTS[name]), f"{name}: its docstring has no example: add one, with >>>"
