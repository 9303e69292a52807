"""Parity: librosa.load, its MFCC and Keras against soundfile, soxr, the numpy MFCC and an int8 TFLite file."""

from __future__ import annotations

import numpy as np
import pytest
from emotion_edge_converter.conversion import parity
from emotion_edge_converter.conversion.keras_models import load_keras
from emotion_edge_converter.conversion.tflite import convert
from emotion_edge_converter.corpora import readers
from emotion_edge_converter.corpora.readers import Utterance
from emotion_edge_converter.evaluation.metrics import label_numbers
from emotion_edge_converter.features.reference import extract
from emotion_edge_converter.settings import VARIANTS
from emotion_edge_converter.training.splits import random_split
from places import ROOT
from sounds import voice, write

from emotion_edge import EmotionClassifier
from emotion_edge.audio.files import read_blocks
from emotion_edge.model.file import DEFAULT_MODEL, load, shipped

LEAST_AGREEMENT = 0.995
INT8_LOSES_AT_MOST = 0.002
CALIBRATED_RANGE = 5  # standard deviations from the mean; the recordings of TESS reach 5.3
OUTSIDE_AT_MOST = {"loud": 0.08}  # share of the features: some of the 768 are always outside for such sounds
MODELS = sorted(shipped())
TESTED_ON_TESS = [name for name in MODELS if "accuracy, random third" in load(name).recipe.scores]


@pytest.fixture(scope="module")
def test_third(tess):
    """The recordings that no shipped model was trained on."""
    utterances, _ = readers.with_emotions(readers.read([f"tess={tess}"]), None)
    return [utterances[row] for row in random_split(utterances).test]


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    """Synthetic sounds in common rates and formats, and synthetic speech."""
    folder = tmp_path_factory.mktemp("synthetic")
    hellos = sorted((ROOT / "examples" / "sounds").glob("hello*.wav"))
    utterances = [Utterance(file, "", "", "", "synthetic") for file in hellos]
    for seed in range(132):
        rate = (8000, 16000, 22050, 24414, 44100, 48000)[seed % 6]
        suffix = ("wav", "flac", "ogg")[seed % 3]
        path = write(folder / f"{seed}.{suffix}", voice(seed, rate=rate, seconds=0.3 + seed % 7 / 3), rate)
        utterances.append(Utterance(path, "", "", "", "synthetic"))
    return utterances


@pytest.fixture(scope="module")
def with_features(request):
    """The files of a fixture with their features, computed once for all models that need the same.

    They are those of the reference libraries; of the voice encoder, for which there are none, those of the device.
    """
    known = {}

    def features(name, files):
        recipe = load(name).recipe
        key = files, recipe.pooling, recipe.mfcc, recipe.encoder
        if key not in known:
            utterances = request.getfixturevalue(files)
            known[key] = extract(utterances, recipe) if recipe.encoder is None else on_device(name, utterances)
        return known[key]

    return features


def on_device(name, utterances):
    classifier = EmotionClassifier(name)
    blocks = (read_blocks(utterance.file, sample_rate_hz=classifier.sample_rate_hz) for utterance in utterances)
    return utterances, np.stack([classifier.features(each).vector for each in blocks])


def compared(name, model, tflite, utterances, features):
    """Keras and every interpreter, on sound where a reference library computes the features, otherwise on features."""
    if load(name).recipe.encoder is not None:
        return parity.compare_features(model, tflite, features)
    return parity.compare(model, tflite, utterances, reference=features)


def full_model(name):
    return load_keras(ROOT / "models" / f"{name}.keras")


def standardised(name, features):
    """The inputs of the interpreter of the small model."""
    standardisation = load(name).recipe.standardisation
    return (features - standardisation.mean) / standardisation.deviation


def float32_copy(name, model, features, folder):
    """The shipped model without quantisation."""
    path = folder / "float32.tflite"
    path.write_bytes(convert(model, load(name).recipe, features, "float32"))
    return path


@pytest.mark.parametrize("name", TESTED_ON_TESS)
def test_int8_on_the_test_third(name, with_features):
    utterances, reference = with_features(name, "test_third")
    assert len(utterances) == 666
    labels = load(name).recipe.labels
    actual = label_numbers([utterance.emotion for utterance in utterances], labels)
    results = parity.compare(full_model(name), shipped()[name], utterances, reference=reference)
    assert results
    for result in results:
        full, small = ((answers.argmax(axis=1) == actual).mean() for answers in (result.full, result.small))
        print(f"\n{name}: {result}; accuracy {full:.4f} full, {small:.4f} small")
        assert result.feature_difference < 1e-3
        assert result.agreement >= LEAST_AGREEMENT
        assert small >= full - INT8_LOSES_AT_MOST
        assert small >= 0.99
        assert full == pytest.approx(load(name).recipe.scores["accuracy, random third"], abs=1e-4)


@pytest.mark.parametrize("name", TESTED_ON_TESS)
def test_float32_on_the_test_third(name, with_features, tmp_path):
    utterances, reference = with_features(name, "test_third")
    model = full_model(name)
    copy = float32_copy(name, model, reference, tmp_path)
    for result in parity.compare(model, copy, utterances, reference=reference):
        assert result.agreement >= LEAST_AGREEMENT
        assert result.difference <= 0.01


@pytest.mark.parametrize("name", MODELS)
def test_int8_on_synthetic_sounds(name, with_features):
    """The labels are the same, except in two cases: sounds with features outside the int8 ranges from calibration, and
    sounds for which the full model is undecided, so that rounding decides."""
    utterances, reference = with_features(name, "synthetic")
    results = compared(name, full_model(name), shipped()[name], utterances, reference)
    assert results
    for result in results:
        assert result.feature_difference < 1e-3
        within = (np.abs(standardised(name, reference)) > CALIBRATED_RANGE).mean(axis=1) <= OUTSIDE_AT_MOST.get(
            load(name).recipe.pooling, 0
        )

        full, small = result.full[within], result.small[within]
        assert np.abs(full - small).max() <= VARIANTS["int8"]
        runner_up, best = np.sort(full, axis=1)[:, -2:].T
        decided = best - runner_up > VARIANTS["int8"]
        assert decided.sum() >= 30
        assert len(set(full[decided].argmax(axis=1))) > 1, "a single answer for all sounds proves nothing"
        agreement = (full[decided].argmax(axis=1) == small[decided].argmax(axis=1)).mean()
        assert agreement >= LEAST_AGREEMENT


@pytest.mark.parametrize("name", MODELS)
def test_float32_on_synthetic_sounds(name, with_features, tmp_path):
    utterances, reference = with_features(name, "synthetic")
    model = full_model(name)
    copy = float32_copy(name, model, reference, tmp_path)
    for result in compared(name, model, copy, utterances, reference):
        assert result.agreement == 1
        assert result.difference <= 0.01


def test_parity_can_fail(with_features):
    """The file of another model is recognised."""
    import keras

    model = full_model(DEFAULT_MODEL)
    other = keras.models.clone_model(model)
    other.set_weights([np.roll(weights, 1, axis=-1) if weights.ndim else weights for weights in model.get_weights()])
    utterances, reference = with_features(DEFAULT_MODEL, "synthetic")
    results = compared(DEFAULT_MODEL, other, shipped()[DEFAULT_MODEL], utterances, reference)
    assert min(result.agreement for result in results) < LEAST_AGREEMENT
