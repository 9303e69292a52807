"""The trained gate and the level together reject noise and music."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import SPOKEN, spoken, tone

from emotion_edge import EmotionClassifier, EmotionStream
from emotion_edge.speech.gate import ClipSpeech, speech_gate
from models import AllIsSpeech

RATE = 22050


@pytest.fixture(scope="module")
def classifier():
    return EmotionClassifier()


def hiss(seed, seconds, *, level=0.05):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def melody(seconds=3.0):
    """Plucked chords, two per second."""
    note = np.arange(RATE // 2) / RATE
    chords = [sum(np.sin(2 * np.pi * pitch * note) for pitch in (root, 1.26 * root, 1.5 * root)) for root in (262, 349)]
    plucked = np.tile(np.concatenate(chords) * np.tile(np.exp(-5 * note), 2), round(seconds))
    return (0.2 * plucked).astype(np.float32)


def clip_speech(samples, sizes=(), gate=None):
    under_test, at = ClipSpeech(RATE, gate or speech_gate()), 0
    for size in [*sizes, len(samples)]:
        under_test.process(samples[at : at + size])
        at += size
    return under_test.finish()


class Scripted(AllIsSpeech):
    """A gate with fixed results that counts its calls. The last result repeats."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)
        self.n_calls = 0

    def probabilities(self, vector):
        answer = self.answers[min(self.n_calls, len(self.answers) - 1)]
        self.n_calls += 1
        return np.array([answer, 1 - answer])


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.02])
@pytest.mark.parametrize("file", SPOKEN, ids=lambda file: file.stem)
def test_a_voice_is_classified(classifier, file, gain):
    prediction = classifier.classify_samples(gain * spoken(SPOKEN.index(file)), RATE)
    assert prediction.status in ("ok", "uncertain")
    assert prediction.label in classifier.recipe.labels


@pytest.mark.parametrize(
    "samples",
    [
        hiss(0, 3.0),
        np.cumsum(hiss(1, 3.0)) / 40,
        tone(440, rate=RATE, seconds=2),
        tone(100, rate=RATE, seconds=1),
        melody(),
        np.tile(np.eye(1, RATE // 4)[0], 12) + 0.01 * hiss(2, 12 * (RATE // 4) / RATE),
    ],
    ids=["hiss", "rumble", "tone", "hum", "chords", "ticks"],
)
def test_other_sounds_are_not_classified(classifier, samples):
    prediction = classifier.classify_samples(samples, RATE)
    assert (prediction.status, prediction.label, prediction.probabilities) == ("no_speech", None, {})


@settings(max_examples=25)
@given(st.integers(0, 2), st.floats(-10, 30), st.lists(st.integers(0, 30000), max_size=12))
def test_the_verdict_does_not_depend_on_the_blocks(number, ratio_db, sizes):
    sentence = spoken(number)
    samples = sentence + hiss(number, len(sentence) / RATE, level=sentence.std() / 10 ** (ratio_db / 20))
    assert clip_speech(samples, sizes) == clip_speech(samples)


@pytest.mark.parametrize("start_s", [0.0, 17.3, 56.0])
def test_a_sentence_anywhere_in_a_long_clip_is_found(start_s):
    noise = hiss(3, 60.0, level=0.002)
    assert not clip_speech(noise)
    sentence, first = spoken(0), round(start_s * RATE)
    noise[first : first + len(sentence)] += sentence
    assert clip_speech(noise)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([0.001, 0.9, 0.001], True),  # certain enough for two
        ([0.001, 0.3, 0.001], False),  # a single doubtful one
        ([0.001, 0.3, 0.2, 0.001], True),
        ([0.04], False),
        ([0.06], True),
    ],
)
def test_neighbouring_windows_decide_together(answers, verdict):
    assert clip_speech(hiss(4, 5.0), gate=Scripted(*answers)) == verdict


def test_a_clip_of_one_window_is_decided_by_it_alone():
    gate = Scripted(0.3)
    assert clip_speech(hiss(5, 0.9), gate=gate)
    assert gate.n_calls == 1
    assert not clip_speech(hiss(5, 0.9), gate=Scripted(0.01))


def test_short_clips_are_decided_by_their_level():
    gate = Scripted(0.0)
    assert clip_speech(hiss(6, 0.79), gate=gate)
    assert not clip_speech(hiss(6, 0.79, level=1e-4), gate=gate)
    assert gate.n_calls == 0
    assert not clip_speech(hiss(6, 0.81), gate=gate)


def test_sound_that_is_too_quiet_is_not_speech_whatever_the_gate_says():
    assert not clip_speech(1e-4 * spoken(0), gate=Scripted(1.0))


def test_the_gate_stops_when_speech_is_found():
    gate = Scripted(0.9)
    assert clip_speech(hiss(7, 60.0), [1000] * 1000, gate=gate)
    assert gate.n_calls == 2


def test_minutes_of_noise_do_not_fill_the_memory():
    under_test = ClipSpeech(RATE, Scripted(0.0))
    for _ in range(120):
        under_test.process(hiss(8, 1.0))
    assert len(under_test._gate._frames._frames) < 350
    assert under_test._gate._steps.n_pending < RATE
    assert not under_test.finish()


def test_threads_can_share_the_gate(classifier):
    sounds = [spoken(number % 3) if number % 2 else hiss(number, 1.5) for number in range(16)]
    alone = [classifier.classify_samples(sound, RATE) for sound in sounds]
    assert [prediction.status == "no_speech" for prediction in alone] == [True, False] * 8
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda sound: classifier.classify_samples(sound, RATE), sounds)) == alone


def test_the_gate_is_shared_and_loaded_only_when_needed(monkeypatch):
    assert EmotionStream(RATE)._gate is speech_gate() is speech_gate()
    asked = []
    monkeypatch.setattr("emotion_edge.classifier.speech_gate", lambda: asked.append(1) or AllIsSpeech())
    classifier = EmotionClassifier()
    assert not asked
    classifier.classify_samples(hiss(9, 1.0), RATE)
    assert asked == [1]


def test_a_gate_does_not_use_another_gate(monkeypatch):
    monkeypatch.setattr("emotion_edge.classifier.speech_gate", None)
    gate = EmotionClassifier("speech-gate")
    assert gate.classify_samples(hiss(10, 2.0), RATE).label == "other"
    assert gate.classify_samples(spoken(0), RATE).label == "speech"
    assert gate.classify_samples(np.zeros(RATE), RATE).status == "no_speech"
