"""The contract: what is written is read back, what is wrong is said."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_edge import ModelError
from emotion_edge.recipe import FORMAT, MfccRecipe, ModelRecipe, ProfileRecipe, Standardisation

MFCC = MfccRecipe.preset("librosa", sample_rate_hz=22050, n_mfcc=3)
RECIPE = ModelRecipe(name="r", labels=("a", "b"), mfcc=MFCC)
SHORT = {"name": "r", "labels": ["a", "b"], "mfcc": {"preset": "librosa", "sample_rate_hz": 22050, "n_mfcc": 3}}


@given(
    st.lists(st.text(min_size=1).filter(str.strip), min_size=2, unique=True),
    st.floats(0.001, 1000),
    st.floats(0, 1),
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    st.none() | st.builds(ProfileRecipe, strength=st.floats(0, 1), utterances_to_half=st.floats(1e-3, 1e6)),
    st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
)
def test_json_there_and_back(labels, temperature, uncertain_below, mean, profile, scores):
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


def test_a_short_recipe_is_spelt_out():
    recipe = ModelRecipe.from_json(json.dumps(SHORT))
    assert recipe == RECIPE
    written = json.loads(recipe.to_json())
    assert written["format"] == FORMAT
    assert "preset" not in written["mfcc"]
    assert set(written["mfcc"]) == {field.name for field in dataclasses.fields(MfccRecipe)}


def test_librosas_window_follows_n_fft():
    assert MfccRecipe.preset("librosa", sample_rate_hz=16000, n_fft=512, hop_length=160).window_length == 512


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a"]}, "labels: got .*wanted two or more"),
        ({"labels": ["a", "a"]}, "each label once"),
        ({"labels": ["a", " "]}, "no empty label"),
        ({"labels": "ab"}, "labels: got 'ab', wanted a list"),
        ({"labels": [1, 2]}, "each item a text"),
        ({"name": ""}, "name: got ''"),
        ({"temperature": 0}, "temperature: got 0, wanted 0.001 to 1000"),
        ({"temperature": True}, "temperature: got True, wanted a finite number"),
        ({"temperature": float("nan")}, "wanted a finite number"),
        ({"temperature": 10**400}, "wanted a finite number"),
        ({"uncertain_below": 2}, "uncertain_below: got 2, wanted 0 to 1"),
        ({"pooling": "median"}, "pooling: got 'median', wanted one of mean, statistics, functionals"),
        ({"scores": {"x": "high"}}, "scores"),
        ({"labls": []}, "labls is not a field"),
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
        ({"standardisation": {"mean": [0, 0, 0], "deviation": [1]}}, "as many numbers as mean has"),
        ({"profile": {"strength": 1}}, "lacks profile.utterances_to_half"),
        ({"profile": {"strength": 1.5, "utterances_to_half": 5}}, "profile.strength: got 1.5, wanted 0 to 1"),
        ({"profile": {"strength": "1", "utterances_to_half": 5}}, "profile.strength: got '1', wanted a finite number"),
        ({"profile": {"strength": 1, "utterances_to_half": 0}}, "utterances_to_half: got 0, wanted a number above 0"),
        ({"profile": {"strength": 1, "utterances_to_half": 5, "n": 1}}, "profile.n is not a field of a recipe"),
        ({"profile": 3}, "profile: got 3, wanted a JSON object"),
    ],
)
def test_what_is_wrong_is_said(change, message):
    with pytest.raises(ModelError, match=message):
        ModelRecipe.from_json(json.dumps(SHORT | change))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"recipe"', "[" * 100_000, b"\xff\xfe\x00"])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(ModelError):
        ModelRecipe.from_json(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(json.loads(RECIPE.to_json()))), json_values))
def test_any_json_is_read_or_refused(change):
    _read_or_refuse(json.loads(RECIPE.to_json()) | change)


@given(st.dictionaries(st.sampled_from([*sorted(dataclasses.asdict(MFCC)), "preset"]), json_values))
def test_any_mfcc_is_read_or_refused(change):
    _read_or_refuse(SHORT | {"mfcc": dataclasses.asdict(MFCC) | change})
    _read_or_refuse(SHORT | {"mfcc": SHORT["mfcc"] | change})


def _read_or_refuse(data):
    try:
        recipe = ModelRecipe.from_json(json.dumps(data))
    except ModelError as error:
        assert str(error)
    else:
        assert ModelRecipe.from_json(recipe.to_json()) == recipe
