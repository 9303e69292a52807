"""Windows of a recording: the same for all blocks, consistent with `classify`, and with little memory."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import SPOKEN, spoken

from emotion_edge import EmotionClassifier, SettingsError, timeline
from emotion_edge.speech.windows import Windows
from emotion_edge.timelines import answered

RATE = 16000
MODELS = ["five-emotions", "tess-mlp", "speech-gate"]


@pytest.fixture(scope="module")
def classifier():
    return EmotionClassifier()


def predictions(classifier, blocks, **wanted):
    return answered(classifier, blocks, Windows.of(classifier.recipe, **wanted))


def hiss(seconds):
    return (1e-4 * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def two_sentences():
    """Two sentences with pauses around them, and their starts and ends in seconds."""
    sections = [hiss(3), spoken(1, rate=RATE), hiss(4), spoken(2, rate=RATE), hiss(3)]
    ends_s = np.cumsum([len(section) for section in sections]) / RATE
    return np.concatenate(sections), [(ends_s[0], ends_s[1]), (ends_s[2], ends_s[3])]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("clip", SPOKEN, ids=lambda path: path.stem)
def test_a_recording_of_one_window_gives_the_prediction_of_classify(model, clip):
    classifier = EmotionClassifier(model)
    whole = classifier.classify(clip)
    (window,) = timeline(clip, classifier, window_s=30)
    assert (window.label, window.status, window.model) == (whole.label, whole.status, whole.model)
    assert (window.start_s, window.end_s) == (0, whole.end_s)
    assert window.probabilities == pytest.approx(whole.probabilities, abs=0.02)


def test_windows_without_speech_have_no_label(classifier):
    samples, sentences = two_sentences()
    windows = list(predictions(classifier, [samples], window_s=1.5, step_s=0.25))
    for window in windows:
        speech_s = sum(
            max(0.0, min(window.end_s, ends_s) - max(window.start_s, starts_s)) for starts_s, ends_s in sentences
        )
        if speech_s == 0 and not any(abs(window.start_s - ends_s) <= 0.25 for _, ends_s in sentences):
            assert (window.status, window.label, window.probabilities) == ("no_speech", None, {})
        if speech_s > 1.2:
            assert window.status != "no_speech"
            assert sum(window.probabilities.values()) == pytest.approx(1)


@given(seconds=st.floats(0.05, 9), window_s=st.floats(0.5, 4), step=st.floats(0.1, 1))
@settings(max_examples=30)
def test_the_windows_cover_the_recording(classifier, seconds, window_s, step):
    samples = two_sentences()[0][: round(seconds * RATE)]
    duration_s = len(samples) / RATE
    windows = list(predictions(classifier, [samples], window_s=window_s, step_s=step * window_s))
    assert windows[0].start_s == 0
    assert 0 <= duration_s - windows[-1].end_s < 0.1
    for before, after in itertools.pairwise(windows):
        assert before.start_s < after.start_s <= before.start_s + step * window_s + 1e-6
        assert before.end_s < after.end_s
    for window in windows:
        assert window.end_s - window.start_s == pytest.approx(min(window_s, duration_s))


@given(cuts=st.lists(st.integers(0, 50_000), max_size=12))
@settings(max_examples=20)
@pytest.mark.slow
def test_blocks_of_any_size_give_the_same_predictions(classifier, cuts):
    samples = two_sentences()[0]
    blocks = np.split(samples, np.minimum(np.cumsum(cuts, dtype=int), len(samples)))
    for here, there in zip(predictions(classifier, blocks), predictions(classifier, [samples]), strict=True):
        assert (here.start_s, here.end_s, here.status, here.label) == (
            there.start_s,
            there.end_s,
            there.status,
            there.label,
        )
        assert here.probabilities == pytest.approx(there.probabilities, abs=1e-3)


def test_a_prediction_does_not_wait_for_the_end(classifier):
    delivered_s = []

    def live():
        for at in range(0, 10 * RATE, RATE):
            delivered_s.append(at / RATE + 1)
            yield np.tile(spoken(0, rate=RATE), 6)[at : at + RATE]

    first = next(predictions(classifier, live()))
    assert first.end_s == classifier.recipe.window_s
    assert delivered_s[-1] <= 4


@pytest.mark.parametrize("rate_model", ["five-emotions", "tess-mlp"])
@pytest.mark.slow
def test_an_hour_needs_no_more_memory_than_minutes(rate_model):
    classifier = EmotionClassifier(rate_model)
    rate = classifier.sample_rate_hz
    minute = np.tile(spoken(0, rate=rate), 40)[: 60 * rate]

    def peak(minutes):
        tracemalloc.start()
        n_windows = sum(1 for _ in predictions(classifier, (minute for _ in range(minutes)), step_s=2.0))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert n_windows == 30 * minutes
        return most

    peak(1)
    assert peak(6) < 1.2 * peak(2)


def test_lengths_out_of_range_are_reported_at_once(classifier):
    for wrong in ({"window_s": 0}, {"window_s": 100}, {"step_s": 0}, {"step_s": 5}):
        with pytest.raises(SettingsError, match="got"):
            timeline("talk.wav", classifier, **wrong)


def test_silence_and_very_short_recordings(classifier):
    (window,) = predictions(classifier, [np.zeros(10, np.float32)])
    assert window.status == "no_speech"
    assert {window.status for window in predictions(classifier, [np.zeros(5 * RATE, np.float32)])} == {"no_speech"}
