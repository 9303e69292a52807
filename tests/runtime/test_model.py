"""Model files are untrusted input: read, or refused with a sentence."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emotion_edge import ModelError
from emotion_edge.model import (
    CHECKSUM_NAME,
    DEFAULT_MODEL,
    RECIPE_NAME,
    Model,
    checksum,
    load,
    metadata_places,
    shipped,
)

CONTENT = shipped()[DEFAULT_MODEL].read_bytes()


def test_a_shipped_model_by_name_and_by_path(tmp_path):
    path = tmp_path / "copy.tflite"
    path.write_bytes(CONTENT)
    assert load(DEFAULT_MODEL) == load(path) == load(str(path))
    assert load(DEFAULT_MODEL).recipe.name == DEFAULT_MODEL


def test_every_shipped_model_is_small_and_says_what_it_is():
    assert DEFAULT_MODEL in shipped()
    for name, path in shipped().items():
        recipe = load(name).recipe
        assert recipe.name == name
        assert path.stat().st_size <= 200_000
        assert recipe.standardisation is not None
        assert "not stated" not in (recipe.licence, recipe.protocol)
        assert recipe.corpora
        assert recipe.scores
        assert path.with_suffix(".md").is_file()


@pytest.mark.parametrize("name", ["tess", "missing.tflite", ""])
def test_no_such_model(name):
    with pytest.raises(ModelError, match=r"shipped are .*tess-mlp|cannot be read"):
        load(name)


def test_what_is_no_tflite_file(tmp_path):
    for content in (b"", b"TFL3", b"hello world", bytes(1000)):
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"model.tflite: this is not a TFLite file"):
            load(path)
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        load(tmp_path)


def with_checksum(content):
    """A changed file that is whole again, as somebody with a grudge would make it."""
    at = metadata_places(content)[CHECKSUM_NAME].start
    return content[:at] + checksum(content, at) + content[at + 4 :]


@pytest.mark.parametrize("name", [RECIPE_NAME, CHECKSUM_NAME])
def test_a_tflite_file_without_a_recipe_or_checksum(name):
    with pytest.raises(ModelError, match="carries no recipe: make it with emotion-edge-converter convert"):
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


@given(st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=500)
def test_a_forged_file_is_read_or_refused(changes):
    forged = bytearray(CONTENT)
    for at, value in changes:
        forged[at] = value
    read_or_refuse(bytes(forged))


@given(st.integers(0, (len(CONTENT) - 4) // 4), st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
@example(0, 0xFFFFFFFF)
@settings(max_examples=500)
def test_hostile_offsets_are_read_or_refused(word, value):
    forged = bytearray(CONTENT)
    struct.pack_into("<I", forged, 4 * word, value)
    read_or_refuse(bytes(forged))


def read_or_refuse(content):
    try:
        model = Model.from_bytes(with_checksum(content))
    except ModelError as error:
        assert str(error)
    except KeyError as error:  # with_checksum found no place for one
        assert str(error) == repr(CHECKSUM_NAME)
    else:
        assert len(model.recipe.labels) >= 2
