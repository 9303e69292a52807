"""Windows of a stream are the same for all block sizes, and close to the classifier's result for the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import voice

from emotion_edge import EmotionClassifier
from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.speech.recent_frames import RecentFrames


class Pooled:
    """A model whose probabilities are its features."""

    def __init__(self, recipe):
        self.recipe = EmotionClassifier("tess-mlp").recipe.replace(mfcc=recipe, standardisation=None)
        self.mfcc = Mfcc(recipe)

    def pool(self, log_mel):
        return self.mfcc.coefficients(log_mel).mean(axis=0)

    def probabilities(self, vector):
        return vector


CENTRED: Any = Pooled(MfccRecipe.preset("librosa", sample_rate_hz=22050, n_mfcc=30))
FROM_ITS_START = Pooled(MfccRecipe.preset("python_speech_features", sample_rate_hz=16000))
SAMPLES = voice(5, rate=44100, seconds=4.0)


def frames_of(model, samples=SAMPLES, cuts=(), rate=44100):
    frames, at = RecentFrames(model, rate, keep_s=10), 0
    for size in cuts:
        frames.process(samples[at : at + size])
        at += size
    frames.process(samples[at:])
    frames.finish()
    return frames


@pytest.mark.parametrize("model", [CENTRED, FROM_ITS_START])
@given(
    cuts=st.lists(st.integers(0, 30000), max_size=20),
    start_s=st.floats(0, 3.5),
    length_s=st.floats(0.02, 4),
)
def test_streaming_equals_one_shot(model, cuts, start_s, length_s):
    window = start_s, min(4.0, start_s + length_s)
    at_once = frames_of(model).probabilities(*window)
    np.testing.assert_allclose(frames_of(model, cuts=cuts).probabilities(*window), at_once, rtol=1e-4, atol=2e-3)


def test_frames_inside_their_window_give_the_result_of_the_clip():
    rate, samples = 16000, voice(6, rate=16000, seconds=3.0)
    streamed = frames_of(FROM_ITS_START, samples, rate=rate).probabilities(0.5, 2.505)
    clip = FROM_ITS_START.mfcc(np.concatenate([[samples[7999]], samples[8000:40080]])[1:])
    np.testing.assert_allclose(streamed[1:], clip.mean(axis=0)[1:], atol=0.2)  # pre-emphasis of one sample differs


def test_a_whole_stream_gives_the_result_of_the_clip():
    samples = voice(7, rate=22050, seconds=2.0)
    streamed = frames_of(CENTRED, samples, rate=22050).probabilities(0, 2.0)
    np.testing.assert_allclose(streamed, CENTRED.mfcc(samples).mean(axis=0), rtol=1e-4, atol=1e-3)


def test_a_window_of_a_stream_is_close_to_its_clip(open_gate):
    classifier = EmotionClassifier("tess-mlp")
    samples = voice(8, rate=22050, seconds=4.0)
    streamed = frames_of(classifier, samples, rate=22050).probabilities(1.0, 3.0)
    clip = classifier.classify_samples(samples[22050 : 3 * 22050], 22050)
    assert streamed == pytest.approx(list(clip.probabilities.values()), abs=0.15)
    assert clip.label == classifier.recipe.labels[int(streamed.argmax())]


def test_windows_are_ready_when_complete_and_old_frames_are_forgotten():
    frames = RecentFrames(CENTRED, 22050, keep_s=1.0)
    frames.process(SAMPLES[:22050])
    assert frames.ready(0.9)
    assert not frames.ready(1.0)  # half a frame is still missing
    frames.process(SAMPLES[22050 : 3 * 22050])
    assert frames.ready(2.9)
    assert len(frames._frames) <= 45
    recent = frames.probabilities(2.4, 2.9)
    assert np.isfinite(recent).all()
    assert np.isfinite(frames.probabilities(0.0, 0.1)).all()  # too old: the oldest frame in memory is used
    frames.finish()
    assert frames.ready(3.0)


@pytest.fixture
def computed(monkeypatch):
    """The number of frames of each computation."""
    counted = []
    compute = Mfcc.log_mel
    monkeypatch.setattr(Mfcc, "log_mel", lambda self, frames: (counted.append(len(frames)), compute(self, frames))[1])
    return counted


def test_each_frame_is_computed_once(computed):
    frames = RecentFrames(CENTRED, 22050, keep_s=10)
    for at in range(0, 88200, 2205):
        frames.process(SAMPLES[at : at + 2205])
        for start_s in (0.0, 0.5, 1.0):
            frames.probabilities(start_s, start_s + 0.5)
    frames.finish()
    assert sum(computed) == 88200 // 512 + 1


@pytest.mark.parametrize("model", [CENTRED, FROM_ITS_START])
@pytest.mark.parametrize("asked_s", [(), (0.5, 1.0), (4.0, 9.0)])
def test_frames_that_are_not_needed_are_not_computed_and_change_nothing(model, asked_s, computed):
    sound = np.tile(SAMPLES, 4)
    brief, long = RecentFrames(model, 44100, keep_s=1.0), RecentFrames(model, 44100, keep_s=20.0)
    for at in range(0, len(sound), 882):
        for frames in (brief, long):
            frames.process(sound[at : at + 882])
        for end_s in asked_s:
            if abs(at / 44100 - end_s - 0.2) < 0.01:
                assert brief.ready(end_s)
                np.testing.assert_allclose(
                    brief.vector(end_s - 0.5, end_s), long.vector(end_s - 0.5, end_s), rtol=1e-4, atol=2e-3
                )
    computed.clear()
    recent = brief.vector(15.0, 15.9)
    per_second = model.recipe.mfcc.sample_rate_hz / model.recipe.mfcc.hop_length
    assert sum(computed) < 1.1 * per_second
    np.testing.assert_allclose(recent, long.vector(15.0, 15.9), rtol=1e-4, atol=2e-3)


def test_an_array_can_be_reused_after_process():
    frames, block = RecentFrames(CENTRED, 44100, keep_s=10), np.empty(4410, np.float32)
    for at in range(0, len(SAMPLES), 4410):
        block[:] = SAMPLES[at : at + 4410]
        frames.process(block)
    frames.finish()
    np.testing.assert_allclose(frames.vector(1.0, 3.0), frames_of(CENTRED).vector(1.0, 3.0), rtol=1e-4, atol=2e-3)
