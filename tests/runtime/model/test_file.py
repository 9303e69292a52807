"""Model files are untrusted input: they are read, or refused with a clear message."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import with_checksum

from emotion_edge import ModelError
from emotion_edge.model.file import CHECKSUM_NAME, DEFAULT_MODEL, RECIPE_NAME, Model, load, shipped

CONTENT = shipped()[DEFAULT_MODEL].read_bytes()


def test_a_shipped_model_by_name_and_by_path(tmp_path):
    path = tmp_path / "copy.tflite"
    path.write_bytes(CONTENT)
    assert load(path) == load(str(path))
    assert load(DEFAULT_MODEL).content == load(path).content
    assert load(DEFAULT_MODEL).recipe == load(path).recipe
    assert load(DEFAULT_MODEL).recipe.name == DEFAULT_MODEL


def test_every_shipped_model_is_small_and_documented():
    assert DEFAULT_MODEL in shipped()
    for name, path in shipped().items():
        recipe = load(name).recipe
        assert recipe.name == name
        assert path.stat().st_size <= 300_000
        assert recipe.standardisation is not None
        assert "not stated" not in (recipe.licence, recipe.protocol)
        assert recipe.corpora
        assert recipe.scores
        assert path.with_suffix(".md").is_file()


@pytest.mark.parametrize("name", ["tess", "missing.tflite", ""])
def test_an_unknown_model_is_an_error(name):
    with pytest.raises(ModelError, match=r"the shipped models are .*tess-mlp|cannot be read"):
        load(name)


def test_a_file_that_is_not_tflite_is_refused(tmp_path):
    for content in (b"", b"TFL3", b"hello world", bytes(1000)):
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"model.tflite: this is not a TFLite file"):
            load(path)
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        load(tmp_path)


@pytest.mark.parametrize("name", [RECIPE_NAME, CHECKSUM_NAME])
def test_a_tflite_file_without_a_recipe_or_checksum(name):
    with pytest.raises(ModelError, match="contains no recipe: make it with emotion-edge-converter convert"):
        Model.from_bytes(CONTENT.replace(name.encode(), b"x" * len(name)))


def test_a_newer_format():
    with pytest.raises(ModelError, match="update emotion-edge"):
        Model.from_bytes(with_checksum(CONTENT.replace(b'"format": 1', b'"format": 9')))


@given(st.integers(0, len(CONTENT) - 1))
@settings(max_examples=300)
def test_a_file_cut_short_is_refused(length):
    with pytest.raises(ModelError):
        Model.from_bytes(CONTENT[:length])


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
@settings(max_examples=300)
def test_one_changed_byte_is_refused(at, change):
    with pytest.raises(ModelError):
        Model.from_bytes(CONTENT[:at] + bytes([CONTENT[at] ^ change]) + CONTENT[at + 1 :])


def test_a_file_that_is_too_large_is_refused(tmp_path):
    path = tmp_path / "large.tflite"
    with path.open("wb") as file:
        file.truncate((1 << 26) + 1)
    with pytest.raises(ModelError, match=r"large.tflite has more than 64 MiB: this is too large for a device"):
        load(path)
    if Path("/dev/zero").exists():
        with pytest.raises(ModelError, match="/dev/zero has more than 64 MiB"):
            load("/dev/zero")
