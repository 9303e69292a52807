"""The voice encoder: any length, any level, the same on every interpreter; and models that need it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from encoders import random_encoder, write_head
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import spoken

from emotion_edge import EmotionClassifier, EmotionStream, InterpreterError, ModelError
from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.pooling import loud
from emotion_edge.model.encoder import LONGEST, Encoder, EncoderRecipe, encoder_file
from emotion_edge.model.file import load, shipped
from emotion_edge.model.interpreter import BACKENDS
from emotion_edge.speech.recent_frames import RecentFrames

pytest.importorskip("keras", reason="needs Keras, with which the converter makes these files")

RATE = 16000


@pytest.fixture(scope="module")
def encoder():
    return Encoder(random_encoder(), "ai-edge-litert")


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    return write_head(tmp_path_factory.mktemp("head"))


def log_mel(encoder, samples):
    return Mfcc(encoder.recipe.mfcc).log_mel_of(samples)


def test_every_interpreter_gives_the_same_frames(encoder):
    frames = log_mel(encoder, spoken(0, rate=RATE))
    expected = encoder(frames)
    found = 0
    for backend in BACKENDS:
        try:
            other = Encoder(random_encoder(), backend)(frames)
        except InterpreterError:
            continue
        found += 1
        # A float input that lies between two whole numbers may be rounded differently.
        assert np.abs(other - expected).max() < 0.05
        assert np.abs(loud(other) - loud(expected)).max() < 0.005
    assert found >= 2


@settings(max_examples=20)
@given(n=st.integers(1, 400))
def test_any_length_gives_a_frame_for_every_two_hops(encoder, n):
    frames = encoder(np.random.default_rng(n).uniform(-60, 0, (n, 80)).astype(np.float32))
    assert frames.shape == (max(1, n // 2), 385)
    assert np.isfinite(frames).all()


def test_level_does_not_matter(encoder):
    samples = spoken(1, rate=RATE)
    loud_frames, quiet_frames = (encoder(log_mel(encoder, gain * samples)) for gain in (1.0, 0.3))
    assert np.abs(loud(quiet_frames) - loud(loud_frames)).max() < 0.01
    spoken_frames = loud_frames[:, -1] > loud_frames[:, -1].max() - 50
    fall_db = (loud_frames[:, -1] - quiet_frames[:, -1])[spoken_frames]
    np.testing.assert_allclose(fall_db, -20 * np.log10(0.3), atol=0.5)


def test_long_recordings_are_encoded_in_equal_sections(encoder):
    frames = np.random.default_rng(0).uniform(-60, 0, (2 * LONGEST + 301, 80)).astype(np.float32)
    frames[::700] = 0  # each section has the loudest value
    encoded = encoder(frames)
    assert encoded.shape == (LONGEST + 150, 385)
    third = 2 * round(len(frames) / 6)
    np.testing.assert_allclose(encoder(frames[: third + 1])[:, :-1], encoded[: third // 2, :-1], atol=1e-4)


def test_a_long_recording_can_be_stopped(encoder):
    sections: list[int] = []

    def check():
        sections.append(len(sections))
        if len(sections) == 3:
            raise TimeoutError

    frames = np.zeros((4 * LONGEST, 80), np.float32)
    with pytest.raises(TimeoutError):
        encoder(frames, check)
    assert len(encoder(frames, lambda: None)) == 2 * LONGEST


def test_threads_may_share_one(encoder):
    frames = [log_mel(encoder, spoken(number % 3, rate=RATE)) for number in range(12)]
    alone = [encoder(each) for each in frames]
    with ThreadPoolExecutor(4) as pool:
        for here, there in zip(pool.map(encoder, frames), alone, strict=True):
            np.testing.assert_array_equal(here, there)


def test_a_head_answers_and_a_stream_answers_alike(head):
    classifier = EmotionClassifier(head)
    samples = spoken(0, rate=RATE)
    whole = classifier.classify_samples(samples, RATE)
    assert whole.probabilities.keys() == {"calm", "cross", "glad"}
    recent = RecentFrames(classifier, RATE, keep_s=10)
    for block in np.array_split(samples, 17):
        recent.process(block)
    recent.finish()
    end_s = len(samples) / RATE
    assert recent.probabilities(0, end_s) == pytest.approx([*whole.probabilities.values()], abs=0.03)
    events = EmotionStream(RATE, classifier).process(np.concatenate([np.zeros(RATE), samples, np.zeros(RATE)]))
    assert events


def test_features_have_names(head):
    recipe = EmotionClassifier(head).recipe
    assert len(recipe.feature_names) == recipe.n_features == 768
    assert recipe.feature_names[0] == "encoder_0.mean"


def test_an_encoder_that_is_missing_is_named(tmp_path):
    path = write_head(tmp_path, with_encoder=False)
    with pytest.raises(
        ModelError,
        match=r"needs the voice encoder random-encoder with the checksum [0-9a-f]{8}, and there is none here: install",
    ):
        EmotionClassifier(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: b"", r"random-encoder\.tflite is damaged or another file: install the emotion-edge"),
        (lambda: random_encoder()[:1000], r"random-encoder\.tflite is damaged or another file: install"),
        (lambda: random_encoder()[:-1], "is damaged or another file"),
        (lambda: random_encoder()[:-9] + b"x" + random_encoder()[-8:], "is damaged or another file"),
        (lambda: random_encoder().replace(b"emotion_edge_crc32", b"emotion_edge_other"), "is damaged or another file"),
        (lambda: shipped()["tess-mlp"].read_bytes(), r"random-encoder\.tflite has the checksum [0-9a-f]{8}: install"),
        (None, r"the model .*random-encoder\.tflite cannot be read: .*: install"),
    ],
    ids=["empty", "truncated", "one byte short", "one byte changed", "without a checksum", "a model", "a folder"],
)
def test_an_encoder_that_is_damaged_or_another_is_named(tmp_path, content, message):
    path, encoder = write_head(tmp_path, with_encoder=False), tmp_path / "random-encoder.tflite"
    if content is None:
        encoder.mkdir()
    else:
        encoder.write_bytes(content())
    with pytest.raises(ModelError, match=message):
        EmotionClassifier(path)


def test_an_encoder_beside_a_shipped_model_is_named_once(tmp_path, monkeypatch):
    path = write_head(tmp_path)
    (tmp_path / "random-encoder.tflite").write_bytes(b"cut short")
    monkeypatch.setattr("emotion_edge.model.file._shipped_folder", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError) as raised:
        EmotionClassifier(path.name)
    assert str(raised.value).count("is damaged") == 1


def test_the_shipped_encoder_is_used_if_the_one_beside_the_model_is_damaged(tmp_path, monkeypatch):
    path, folder = write_head(tmp_path), tmp_path / "shipped"
    folder.mkdir()
    (tmp_path / "random-encoder.tflite").rename(folder / "random-encoder.tflite")
    monkeypatch.setattr("emotion_edge.model.file._shipped_folder", lambda: folder)
    (tmp_path / "random-encoder.tflite").write_bytes(b"cut short")
    recipe = load(path).recipe
    assert recipe.encoder is not None
    assert encoder_file(recipe.encoder, tmp_path) == random_encoder()


def test_a_model_is_no_encoder_and_an_encoder_no_model(tmp_path, head):
    with pytest.raises(ModelError, match="wanted that of a voice encoder"):
        Encoder(head.read_bytes(), "numpy")
    with pytest.raises(ModelError):
        EmotionClassifier(head.with_name("random-encoder.tflite"))


def test_its_recipe_is_checked(encoder):
    text = encoder.recipe.to_json().encode()
    assert EncoderRecipe.from_json(text) == encoder.recipe
    with pytest.raises(ModelError, match="width"):
        EncoderRecipe.from_json(text.replace(b'"width": 384', b'"width": 0'))


def test_nothing_is_printed(head):
    code = f"from emotion_edge import EmotionClassifier; print(EmotionClassifier({str(head)!r}).recipe.name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("head\n", "")
