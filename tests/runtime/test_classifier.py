"""The whole chain on synthetic sounds."""

from __future__ import annotations

import dataclasses
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sounds import voice, write

import emotion_edge
from emotion_edge import AudioError, EmotionClassifier, ModelError, Prediction, ProfileError, classify
from emotion_edge import classifier as classifier_module
from emotion_edge.model.file import DEFAULT_MODEL

pytestmark = pytest.mark.usefixtures("open_gate")


@pytest.fixture(scope="module")
def classifier():
    return EmotionClassifier()


def test_a_file(tmp_path, classifier):
    path = write(tmp_path / "voice.wav", voice(1, rate=44100, seconds=2.5), 44100)
    prediction = classifier.classify(path)
    assert isinstance(prediction, Prediction)
    assert tuple(prediction.probabilities) == classifier.recipe.labels
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.label == max(prediction.probabilities, key=lambda label: prediction.probabilities[label])
    assert prediction.confidence == prediction.probabilities[prediction.label]
    assert prediction.status == ("ok" if prediction.confidence >= classifier.recipe.uncertain_below else "uncertain")
    assert (prediction.start_s, prediction.end_s, prediction.model) == (0, pytest.approx(2.5, abs=1e-4), DEFAULT_MODEL)


def test_samples_answer_as_their_file_does(tmp_path, classifier):
    samples = voice(2, rate=48000)
    path = write(tmp_path / "voice.wav", samples, 48000, subtype="FLOAT")
    assert classifier.classify_samples(samples, 48000) == classifier.classify(path) == classify(path)
    with path.open("rb") as file:
        assert classifier.classify(file) == classify(path)


def test_classify_keeps_one_classifier(tmp_path):
    path = write(tmp_path / "voice.wav", voice(3), 22050)
    classify(path)
    kept = classifier_module._default_classifier()
    classify(path)
    assert classifier_module._default_classifier() is kept


def test_threads_can_share_one(classifier):
    sounds = [voice(seed, rate=16000) for seed in range(24)]
    alone = [classifier.classify_samples(sound, 16000) for sound in sounds]
    assert len({prediction.label for prediction in alone}) > 1
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda sound: classifier.classify_samples(sound, 16000), sounds)) == alone


@pytest.mark.parametrize("samples", [np.zeros(22050), np.zeros(1), voice(0, seconds=0.005)])
def test_no_speech(classifier, samples):
    prediction = classifier.classify_samples(samples, 22050)
    assert (prediction.status, prediction.label, prediction.confidence) == ("no_speech", None, 0)
    assert prediction.probabilities == {}
    assert str(prediction) == "no speech"


def test_below_the_threshold_of_the_recipe_a_prediction_is_uncertain(classifier):
    sound = voice(4)
    certain = classifier.classify_samples(sound, 22050)
    strict = EmotionClassifier()
    object.__setattr__(strict.recipe, "uncertain_below", 1.0)
    uncertain = strict.classify_samples(sound, 22050)
    assert (uncertain.status, uncertain.label, uncertain.confidence) == ("uncertain", certain.label, certain.confidence)
    assert str(uncertain) == f"uncertain ({certain.label} {certain.confidence:.2f})"


def test_temperature_softens():
    sound = voice(5)
    classifier, soft = EmotionClassifier("tess-mlp"), EmotionClassifier("tess-mlp")
    object.__setattr__(soft.recipe, "temperature", 4.0)
    expected = np.array(list(classifier.classify_samples(sound, 22050).probabilities.values())) ** (1 / 4)
    actual = list(soft.classify_samples(sound, 22050).probabilities.values())
    np.testing.assert_allclose(actual, expected / expected.sum(), atol=1e-9)


def test_integers_in_a_float_array_are_an_error(classifier):
    with pytest.raises(AudioError, match="divide 16-bit integers by 32768"):
        classifier.classify_samples(voice(6) * 32768, 22050)


def test_predictions_are_plain_frozen_data(classifier):
    prediction = classifier.classify_samples(voice(7), 22050)
    with pytest.raises(dataclasses.FrozenInstanceError):
        prediction.label = "happy"
    assert pickle.loads(pickle.dumps(prediction)) == prediction
    line = json.loads(json.dumps(prediction.to_dict()))
    assert list(line) == ["status", "label", "confidence", "probabilities", "start_s", "end_s", "model"]
    assert line["confidence"] == pytest.approx(prediction.confidence, abs=1e-6)
    assert str(prediction).startswith(prediction.label) or prediction.status == "uncertain"


def test_repr_shows_input_and_output(classifier):
    assert repr(classifier) == (
        "EmotionClassifier(five-emotions: mono 16000 Hz -> loud of (n, 384) voice-encoder -> "
        f"angry, fear, happy, neutral, sad; {classifier._interpreter.backend})"
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("wav2vec", "unknown model 'wav2vec': the shipped models are five-emotions"),
        ("./wav2vec", "^./wav2vec: no such file; the shipped models are five-emotions"),
        (Path("mine.tflite"), "^mine.tflite: no such file"),
        (None, "the model: got None, wanted the name of a shipped model, or the path of a .tflite file"),
        (b"mine.tflite", "the model: got b'mine.tflite', wanted the name"),
    ],
)
def test_unknown_model(model, message):
    with pytest.raises(ModelError, match=message):
        EmotionClassifier(model)


def test_a_profile_must_be_a_voice_profile():
    with pytest.raises(
        ProfileError, match=r"the profile: got 'anna', wanted a VoiceProfile, for example from VoiceProfile\.open"
    ):
        EmotionClassifier(profile="anna")  # type: ignore[arg-type]


@pytest.mark.parametrize("features", [[0.0] * 30, np.zeros((1, 768)), np.full(768, np.nan), np.full(768, np.inf)])
def test_features_of_a_wrong_shape_or_not_finite_are_refused(classifier, features):
    with pytest.raises(ValueError, match=r"got features (of shape .*, wanted \(768,\)|that are not finite)"):
        classifier.probabilities(features)


def test_public_names_can_be_imported():
    for name in ("classify", "EmotionClassifier", "Prediction", "EmotionEdgeError", "AudioError", "ModelError"):
        assert hasattr(emotion_edge, name)
    assert issubclass(AudioError, emotion_edge.EmotionEdgeError)
