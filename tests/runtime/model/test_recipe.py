"""Recipes are read back as they were written, and wrong ones are refused with a clear message."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_edge import ModelError
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.recipe import FORMAT, ModelRecipe, ProfileRecipe, Standardisation

MFCC = MfccRecipe.preset("librosa", sample_rate_hz=22050, n_mfcc=3)
RECIPE = ModelRecipe(name="r", labels=("a", "b"), mfcc=MFCC)
SHORT: dict[str, Any] = {
    "name": "r",
    "labels": ["a", "b"],
    "mfcc": {"preset": "librosa", "sample_rate_hz": 22050, "n_mfcc": 3},
}


printable = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), max_size=100)


@given(
    st.lists(printable.filter(str.strip), min_size=2, unique=True),
    st.floats(0.001, 1000),
    st.floats(0, 1),
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    st.none() | st.builds(ProfileRecipe, strength=st.floats(0, 1), utterances_to_half=st.floats(1e-3, 1e6)),
    st.dictionaries(printable, st.floats(allow_nan=False, allow_infinity=False)),
)
def test_a_recipe_written_as_json_is_read_back(labels, temperature, uncertain_below, mean, profile, scores):
    recipe = RECIPE.replace(
        labels=tuple(labels),
        temperature=temperature,
        uncertain_below=uncertain_below,
        standardisation=Standardisation(mean=tuple(mean), deviation=(1.0, 0.5, 1e-6)),
        profile=profile,
        scores=scores,
        corpora=("tess",),
    )
    assert ModelRecipe.from_json(recipe.to_json()) == recipe


def test_a_preset_is_expanded():
    recipe = ModelRecipe.from_json(json.dumps(SHORT))
    assert recipe == RECIPE
    written = json.loads(recipe.to_json())
    assert written["format"] == FORMAT
    assert "preset" not in written["mfcc"]
    assert set(written["mfcc"]) == {field.name for field in dataclasses.fields(MfccRecipe)}


def test_librosas_window_follows_n_fft():
    assert MfccRecipe.preset("librosa", sample_rate_hz=16000, n_fft=512, hop_length=160).window_length == 512


def deep(depth):
    return json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a"]}, "labels: got .*wanted two or more"),
        ({"labels": ["a", "a"]}, "each label once"),
        ({"labels": ["a", " "]}, "wanted labels of 1 to 100 characters, not only spaces"),
        ({"labels": "ab"}, "labels: got 'ab', wanted a list"),
        ({"labels": [1, 2]}, "each item a text"),
        ({"labels": [str(number) for number in range(1001)]}, "labels: got 1001, wanted 1000 or fewer"),
        ({"labels": ["a", "b" * 101]}, "wanted labels of 1 to 100 characters"),
        ({"labels": ["a", "b\x1b[2J"]}, r"labels: got \('a', 'b\\x1b\[2J'\), .* a text without control characters"),
        ({"labels": ["a", "\ud800"]}, "a text without control characters"),
        ({"name": "a\nb"}, r"name: got 'a\\nb', wanted a text without control characters"),
        ({"name": "a" * 101}, "name: got 'a+\\.\\.\\.a+', wanted a name of up to 100 characters"),
        ({"scores": {"a\nb": 1}}, "scores: got"),
        ({"name": ""}, "name: got ''"),
        ({"temperature": 0}, "temperature: got 0, wanted 0.001 to 1000"),
        ({"temperature": True}, "temperature: got True, wanted a finite number"),
        ({"temperature": float("nan")}, "wanted a finite number"),
        ({"temperature": 10**400}, "wanted a finite number"),
        ({"uncertain_below": 2}, "uncertain_below: got 2, wanted 0 to 1"),
        ({"pooling": "median"}, "pooling: got 'median', wanted one of mean, statistics, loud"),
        ({"pooling": "functionals", "prosody": {}}, "got 'functionals', which .* no longer computes, wanted mean, "),
        ({"prosody": {}}, "prosody is not a field of a recipe"),
        ({"scores": {"x": "high"}}, "scores"),
        ({"labls": []}, "labls is not a field"),
        ({"\x1b[2J": []}, r"'\\x1b\[2J' is not a field"),
        ({"x" * 10_000: []}, r"^'x+\.\.\.x+' is not a field"),
        ({"name": deep(900)}, r"name: got \(\[+\.\.\.\]+,\), wanted a text"),
        ({"format": FORMAT + 1}, "update emotion-edge"),
        ({"format": "1"}, "format: got '1'"),
        ({"mfcc": 3}, "mfcc: got 3, wanted a JSON object"),
        ({"mfcc": {"preset": "librosa"}}, "mfcc.sample_rate_hz: got None"),
        ({"mfcc": {"preset": "essentia", "sample_rate_hz": 16000}}, "one of librosa, python_speech_features"),
        ({"mfcc": {"preset": [], "sample_rate_hz": 16000}}, "one of librosa"),
        ({"mfcc": {"sample_rate_hz": 16000}}, "the recipe lacks mfcc.n_mfcc"),
        ({"mfcc": SHORT["mfcc"] | {"n_mfcc": 129}}, r"mfcc.n_mfcc: got 129, wanted 1 to 128 \(n_mels\)"),
        ({"mfcc": SHORT["mfcc"] | {"n_mfcc": 1.5}}, "mfcc.n_mfcc: got 1.5, wanted a whole number"),
        ({"mfcc": SHORT["mfcc"] | {"n_fft": 1 << 30}}, "mfcc.n_fft"),
        ({"mfcc": SHORT["mfcc"] | {"n_fft": "400"}}, "mfcc.n_fft: got '400', wanted a whole number"),
        ({"mfcc": SHORT["mfcc"] | {"hop_length": 0}}, "mfcc.hop_length: got 0"),
        (
            {"mfcc": SHORT["mfcc"] | {"hop_length": 22}},
            "mfcc.hop_length: got 22, wanted 23 or more: at most 1000 frames per second",
        ),
        ({"mfcc": SHORT["mfcc"] | {"sample_rate_hz": 10**400}}, "mfcc.sample_rate_hz: got 1000"),
        ({"mfcc": SHORT["mfcc"] | {"sample_rate_hz": 16000.0}}, "wanted a whole number, 1000 to 384000"),
        ({"mfcc": SHORT["mfcc"] | {"log": "natural"}}, "wanted null, as log is not decibel"),
        ({"mfcc": None}, "mfcc: got None, wanted a JSON object"),
        ({"mfcc": SHORT["mfcc"] | {"fmax_hz": 12000}}, "half the sample rate"),
        ({"mfcc": SHORT["mfcc"] | {"window": "kaiser"}}, "hann, hamming, rectangular"),
        ({"mfcc": SHORT["mfcc"] | {"dynamic_range_db": "80"}}, "a finite number or null"),
        ({"mfcc": SHORT["mfcc"] | {"n_mfc": 3}}, "mfcc.n_mfc is not a field"),
        ({"standardisation": {"mean": [0, 0, 0]}}, "lacks standardisation.deviation"),
        ({"standardisation": {"mean": [0], "deviation": [1]}}, "3 numbers"),
        ({"standardisation": {"mean": [0, 0, 0], "deviation": [1, 1, 0]}}, "numbers above 0"),
        ({"standardisation": {"mean": [0, 0, 0], "deviation": [1]}}, "the same number of values as in mean"),
        (
            {"standardisation": {"mean": [0, 0, -1e300], "deviation": [1, 1, 1]}},
            "mean: got -1e.300, wanted numbers up to 1e",
        ),
        (
            {"standardisation": {"mean": [0, 0, 0], "deviation": [1, 1, 1e-300]}},
            "deviation: got 1e-300, wanted 1e-12 to 1e",
        ),
        (
            {"standardisation": {"mean": [0, 0, 0], "deviation": [1, 1, 1e300]}},
            "deviation: got 1e.300, wanted 1e-12 to 1e",
        ),
        ({"profile": {"strength": 1}}, "lacks profile.utterances_to_half"),
        ({"profile": {"strength": 1.5, "utterances_to_half": 5}}, "profile.strength: got 1.5, wanted 0 to 1"),
        ({"profile": {"strength": "1", "utterances_to_half": 5}}, "profile.strength: got '1', wanted a finite number"),
        ({"profile": {"strength": 1, "utterances_to_half": 0}}, "utterances_to_half: got 0, wanted a number above 0"),
        ({"profile": {"strength": 1, "utterances_to_half": 5, "n": 1}}, "profile.n is not a field of a recipe"),
        ({"profile": 3}, "profile: got 3, wanted a JSON object"),
    ],
)
def test_a_wrong_field_is_reported(change, message):
    with pytest.raises(ModelError, match=message):
        ModelRecipe.from_json(json.dumps(SHORT | change))


def test_a_recipe_from_before_the_voice_encoder():
    assert ModelRecipe.from_json(json.dumps(SHORT | {"prosody": None})) == ModelRecipe.from_json(json.dumps(SHORT))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"recipe"', "[" * 100_000, b"\xff\xfe\x00"])
def test_a_text_that_is_not_a_json_object_is_refused(text):
    with pytest.raises(ModelError):
        ModelRecipe.from_json(text)


def test_a_name_that_appears_twice_is_refused():
    text = json.dumps(SHORT)
    for twice in ('"name": "other"', '"mfcc": {"n_fft": 512, "n_fft": 1024}', '"\\u006eame": 3'):
        with pytest.raises(ModelError, match=r"the recipe is not JSON: '(name|n_fft)' appears twice"):
            ModelRecipe.from_json(f"{text[:-1]}, {twice}}}")
    many = ", ".join(f'"{number}": 0' for number in range(100_000))
    with pytest.raises(ModelError, match="'99999' appears twice"):
        ModelRecipe.from_json(f'{{{many}, "99999": 0}}')


def test_a_recipe_of_more_than_two_megabytes():
    with pytest.raises(ModelError, match="the recipe has 3000000 bytes, wanted at most 2097152"):
        ModelRecipe.from_json(b" " * 3_000_000)


def test_messages_about_a_hostile_recipe_are_short():
    for change in (
        {"labels": ["a"] * 100_000},
        {"name": "x" * 1_000_000},
        {"scores": dict.fromkeys(map(str, range(9999)))},
    ):
        with pytest.raises(ModelError) as raised:
            ModelRecipe.from_json(json.dumps(SHORT | change))
        assert len(str(raised.value)) < 500
