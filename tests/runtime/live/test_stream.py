"""The stream turns samples into events."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import tone

from emotion_edge import AudioError, EmotionClassifier, EmotionStream, ListenSettings, VoiceProfile
from emotion_edge.speech.recent_frames import RecentFrames
from models import AllIsSpeech, LowIsSpeech, SpectralTilt, write_profiled

RATE = 24000
LOW, HIGH = 200.0, 5000.0


def stream(monkeypatch, gate=AllIsSpeech, **settings):
    monkeypatch.setattr("emotion_edge.classifier.speech_gate", gate)
    return EmotionStream(RATE, SpectralTilt(), settings=ListenSettings(**settings))


def talk(*parts):
    """Faint noise with tones in it: (seconds of silence, frequency, seconds), ..."""
    blocks = []
    for silence_s, frequency, seconds in parts:
        blocks += [np.zeros(round(silence_s * RATE)), 0.4 * tone(frequency, rate=RATE, seconds=seconds)]
    samples = np.concatenate([*blocks, np.zeros(RATE)]).astype(np.float32)
    return samples + 1e-4 * np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)


def short(events):
    return [(event.kind, event.label, round(event.start_s, 1), round(event.end_s, 1)) for event in events]


TALK = talk((1.0, LOW, 1.6), (1.0, HIGH, 1.2), (0.7, LOW, 3.1))


def test_events_come_in_order_with_the_right_times(monkeypatch):
    under_test = stream(monkeypatch)
    events = under_test.process(TALK) + under_test.finish()
    changes = [event for event in events if event.kind != "hold"]
    assert short(changes) == [
        ("enter", "low", 0.9, 1.9),
        ("leave", "low", 0.9, 2.7),
        ("enter", "high", 3.5, 4.5),
        ("leave", "high", 3.5, 4.9),
        ("enter", "low", 5.4, 6.4),
        ("leave", "low", 5.4, 8.7),
    ]
    assert [event.kind for event in events if event.start_s > 5][1:-1] == ["hold"] * 5


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 40000), max_size=30))
def test_blocks_of_any_size_give_the_same_events(cuts):
    with pytest.MonkeyPatch.context() as patch:
        once, in_blocks = stream(patch), stream(patch)
    expected = once.process(TALK, heard_at=0) + once.finish()
    at, events = 0, []
    for size in [*cuts, len(TALK)]:
        events += in_blocks.process(TALK[at : at + size], heard_at=(min(len(TALK), at + size) - len(TALK)) / RATE)
        at += size
    events += in_blocks.finish()
    assert short(events) == short(expected)
    for event, other in zip(events, expected, strict=True):
        assert event.confidence == pytest.approx(other.confidence, abs=1e-3)
        assert abs((event.time - other.time).total_seconds()) < 0.002


def test_the_gate_gets_no_longer_windows_than_it_was_trained_on(monkeypatch):
    asked_s, ask = [], RecentFrames.probabilities

    def probabilities(frames, start_s, end_s):
        asked_s.append(end_s - start_s)
        return ask(frames, start_s, end_s)

    monkeypatch.setattr(RecentFrames, "probabilities", probabilities)
    under_test = stream(monkeypatch, window_s=4.0)
    under_test.process(talk((1.0, LOW, 5.0)))
    longest_s = AllIsSpeech().recipe.window_s
    assert max(asked_s) == pytest.approx(longest_s)
    assert longest_s < 4.0


def test_the_gate_ignores_noise(monkeypatch):
    under_test = stream(monkeypatch, gate=LowIsSpeech, speech_above=0.6)
    events = under_test.process(TALK) + under_test.finish()
    assert {event.label for event in events} == {"low"}
    assert short([event for event in events if event.kind == "enter"]) == [
        ("enter", "low", 0.9, 1.9),
        ("enter", "low", 5.4, 6.4),
    ]


def test_an_utterance_too_short_for_a_verdict(monkeypatch):
    under_test = stream(monkeypatch, shortest_s=0.5)
    assert under_test.process(talk((1.0, LOW, 0.2))) == []
    events = stream(monkeypatch, shortest_s=0.3).process(talk((1.0, LOW, 0.2)))
    assert [event.kind for event in events] == ["enter", "leave"]


def test_the_time_of_events_follows_the_clock_even_if_it_is_set(monkeypatch):
    under_test = stream(monkeypatch)
    half = round(3.3 * RATE)
    first = under_test.process(TALK[:half], heard_at=1000.0)
    second = under_test.process(TALK[half:], heard_at=5.0e8) + under_test.finish()
    (left,) = [event for event in first if event.kind == "leave"]
    assert left.time == datetime.fromtimestamp(1000.0 - (3.3 - left.end_s), timezone.utc)
    last = second[-1]
    assert last.time.timestamp() == pytest.approx(5.0e8 - (len(TALK) / RATE - last.end_s), abs=1e-3)
    assert last.start_s == pytest.approx(5.4, abs=0.03)  # the stream's own time does not jump


def test_a_gap_ends_the_held_label_and_advances_the_time(monkeypatch):
    under_test = stream(monkeypatch)
    cut = round(2.2 * RATE)
    events = under_test.process(TALK[:cut])
    assert [event.kind for event in events] == ["enter"]
    assert under_test.status.verdict == "low"
    events = under_test.skip(10.0)
    assert short(events)[-1] == ("leave", "low", 0.9, 2.2)
    assert under_test.status.verdict is None
    assert under_test.heard_s == pytest.approx(12.2)
    events = under_test.process(TALK)
    assert short(events)[0] == ("enter", "low", 13.1, 14.1)


def test_the_rate_may_change_after_a_gap(monkeypatch):
    under_test = stream(monkeypatch)
    under_test.process(TALK)
    under_test.skip(1.0, sample_rate_hz=8000)
    start_s = under_test.heard_s
    speech = np.concatenate([np.zeros(8000), tone(LOW, rate=8000, seconds=1.0), np.zeros(8000)]).astype(np.float32)
    events = under_test.process(speech)
    assert (events[0].kind, events[0].label) == ("enter", "low")
    assert events[0].start_s == pytest.approx(start_s + 0.9, abs=0.03)


@pytest.mark.parametrize(
    "kind",
    [
        lambda samples: (samples * 32767).astype(np.int16),
        lambda samples: (samples.astype(np.float64) * 2**31).astype(np.int32),
        lambda samples: np.stack([samples, samples], axis=1),
        lambda samples: samples.astype(np.float64),
        list,
    ],
)
def test_samples_of_any_kind(monkeypatch, kind):
    samples = TALK[: 3 * RATE]
    expected = short(stream(monkeypatch).process(samples))
    assert short(stream(monkeypatch).process(kind(samples))) == expected != []


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([0.0, np.nan], "sample 1 is nan, wanted finite numbers"),
        (np.full(100, 1000.0), "sample 0 is 1000, wanted -1..1"),
        (np.zeros((2, 100)), "did you mean samples.T"),
        (np.zeros((2, 2, 2)), "wanted \\(n,\\) or \\(n, channels\\)"),
        (np.zeros(10, bool), "samples are bool"),
        (None, "samples have shape"),
    ],
)
def test_samples_that_cannot_be_used(monkeypatch, samples, message):
    under_test = stream(monkeypatch)
    with pytest.raises(AudioError, match=message):
        under_test.process(samples)
    assert under_test.heard_s == 0


@pytest.mark.parametrize("rate", [0, -1, 1, 1e9, "16000", None, float("nan")])
def test_rates_out_of_range(monkeypatch, rate):
    monkeypatch.setattr("emotion_edge.classifier.speech_gate", AllIsSpeech)
    with pytest.raises(AudioError, match="rate"):
        EmotionStream(rate, SpectralTilt())


def test_the_status_of_a_stream(monkeypatch):
    under_test = stream(monkeypatch)
    status = under_test.status
    assert (status.heard_s, status.sound, status.speech, status.verdict, status.probabilities) == (
        0,
        False,
        None,
        None,
        {},
    )
    under_test.process(TALK[: round(2.3 * RATE)])
    status = under_test.status
    assert (status.sound, status.speech, status.verdict) == (True, 1.0, "low")
    assert set(status.probabilities) == {"low", "high"}
    assert status.level_dbfs == pytest.approx(-17, abs=0.2)
    under_test.process(TALK[round(2.3 * RATE) : round(3.4 * RATE)])
    assert (under_test.status.sound, under_test.status.verdict, under_test.status.probabilities) == (False, None, {})


def test_memory_does_not_grow_over_weeks(monkeypatch):
    under_test = stream(monkeypatch)
    under_test._start_s = 3e6  # five weeks
    for _ in range(30):
        events = under_test.process(TALK)
    assert short(events)[0][0] == "enter"
    assert events[0].start_s == pytest.approx(3e6 + 29 * len(TALK) / RATE + 0.9, abs=0.03)
    assert len(under_test._emotion_frames._frames) < 500
    assert len(under_test._windows) == 0


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    return write_profiled(tmp_path_factory.mktemp("models") / "profiled.tflite", temperature=30.0)


def learning_stream(profiled, gate=AllIsSpeech, **settings):
    classifier = EmotionClassifier(profiled, profile=VoiceProfile.open("new.json", profiled))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emotion_edge.classifier.speech_gate", gate)
        return EmotionStream(RATE, classifier, settings=ListenSettings(**settings)), classifier.profile


def test_a_profile_learns_once_from_each_utterance_at_its_end(profiled):
    under_test, profile = learning_stream(profiled)
    learnt = []
    for first in range(0, len(TALK), RATE // 10):
        under_test.process(TALK[first : first + RATE // 10])
        learnt.append(profile.utterances)
    assert learnt[-1] == 3
    assert [learnt.count(n) / 10 for n in (0, 1, 2)] == pytest.approx([3.2, 2.1, 3.9], abs=0.25)
    assert profile.seconds == pytest.approx(1.8 + 1.4 + 3.3, abs=0.1)
    under_test.finish()
    assert profile.utterances == 3


def test_a_profile_learns_from_the_last_window_of_an_utterance(profiled):
    under_test, profile = learning_stream(profiled)
    under_test.process(talk((1.0, LOW, 2.0), (0.0, HIGH, 3.0)))
    only_high, other = learning_stream(profiled)
    only_high.process(talk((1.0, HIGH, 3.0)))
    assert (profile.utterances, other.utterances) == (1, 1)
    np.testing.assert_allclose(
        profile.mean, other.mean, atol=0.3
    )  # the first frame of the window includes a little sound before it


def test_a_profile_learns_only_from_speech_of_a_second_or_more(profiled):
    short_and_long = talk((1.0, LOW, 0.7), (1.0, LOW, 0.9))
    under_test, profile = learning_stream(profiled)
    under_test.process(short_and_long)
    assert profile.utterances == 1
    assert profile.seconds == pytest.approx(1.1, abs=0.05)
    under_test, profile = learning_stream(profiled, gate=LowIsSpeech, speech_above=0.6)
    under_test.process(TALK)
    assert profile.utterances == 2


def test_a_profile_learns_from_utterances_that_a_gap_or_the_end_cuts_off(profiled):
    under_test, profile = learning_stream(profiled)
    under_test.process(TALK[: round(2.4 * RATE)])
    assert profile.utterances == 0
    under_test.skip(10.0)
    assert profile.utterances == 1
    under_test.process(TALK[: round(2.4 * RATE)])
    under_test.finish()
    under_test.finish()
    assert profile.utterances == 2


@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, 40000), max_size=30))
def test_a_profile_does_not_depend_on_the_block_sizes(profiled, cuts):
    (once, expected), (in_blocks, profile) = learning_stream(profiled), learning_stream(profiled)
    at_once = once.process(TALK) + once.finish()
    at, events = 0, []
    for size in [*cuts, len(TALK)]:
        events += in_blocks.process(TALK[at : at + size])
        at += size
    events += in_blocks.finish()
    assert (profile.utterances, short(events)) == (expected.utterances, short(at_once))
    assert profile.seconds == pytest.approx(expected.seconds)
    np.testing.assert_allclose(profile.mean, expected.mean, atol=1e-3)


def test_the_next_utterance_uses_what_was_learnt(profiled):
    under_test, _ = learning_stream(profiled)
    same_again = talk((1.0, LOW, 1.6), (1.0, LOW, 1.6))
    first, second = [event for event in under_test.process(same_again) if event.kind == "leave"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emotion_edge.classifier.speech_gate", AllIsSpeech)
        without = EmotionStream(RATE, profiled)
    plain, plain_again = [event for event in without.process(same_again) if event.kind == "leave"]
    assert first.probabilities == plain.probabilities
    assert second.probabilities != pytest.approx(plain_again.probabilities, abs=0.01)
