"""Tests of when a label is entered, held and left."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_edge import ListenSettings, SettingsError
from emotion_edge.classifier import EmotionClassifier
from emotion_edge.live.events import EventTracker
from emotion_edge.speech.utterances import Window

LABELS = ("angry", "happy", "sad")
EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
ANGRY, HAPPY, SAD, BETWEEN = [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.4, 0.35, 0.25]


def tracker(**changes):
    defaults = {"window_s": 2.0, "step_s": 0.5, "enter_above": 0.5, "leave_below": 0.4, "smoothing_s": 0.0}
    settings = ListenSettings(**{**defaults, **changes})
    return EventTracker(LABELS, "model", settings, lambda at_s: EPOCH + timedelta(seconds=at_s))


def utterance(start_s, *answers, step_s=0.5, window_s=2.0):
    """Yield the windows of one utterance with their answers; the last window ends the utterance."""
    for number, answer in enumerate(answers, 1):
        end_s = start_s + number * step_s
        over = number == len(answers)
        yield Window(start_s, max(start_s, end_s - window_s), end_s, over), answer


def process_all(tracker, *utterances):
    events = []
    for each in utterances:
        for window, answer in each:
            events += tracker.process(window, None if answer is None else np.array(answer))
    return events


def short(events):
    return [(event.kind, event.label or event.status, event.start_s, event.end_s) for event in events]


def test_a_label_is_entered_held_and_left():
    events = process_all(tracker(), utterance(1.0, HAPPY, HAPPY, HAPPY, HAPPY))
    assert short(events) == [
        ("enter", "happy", 1.0, 2.0),
        ("hold", "happy", 1.0, 2.5),
        ("leave", "happy", 1.0, 3.0),
    ]
    assert {event.confidence for event in events} == {0.8}
    assert events[-1].time == EPOCH + timedelta(seconds=3)
    assert dict(events[0].probabilities) == dict(zip(LABELS, HAPPY, strict=True))


def test_a_short_utterance_is_decided_at_its_end():
    assert short(process_all(tracker(), utterance(2.0, SAD))) == [
        ("enter", "sad", 2.0, 2.5),
        ("leave", "sad", 2.0, 2.5),
    ]


def test_a_label_that_is_the_best_only_briefly_is_not_entered():
    events = process_all(tracker(), utterance(0, HAPPY, HAPPY, ANGRY, HAPPY, HAPPY))
    assert {event.label for event in events} == {"happy"}
    assert [event.kind for event in events] == ["enter", "hold", "hold", "leave"]
    assert events[1].confidence == 0.1  # the window that disagreed lowers it


def test_another_label_replaces_the_held_one():
    events = process_all(tracker(), utterance(0, HAPPY, HAPPY, ANGRY, ANGRY, ANGRY))
    assert short(events) == [
        ("enter", "happy", 0, 1.0),
        ("hold", "happy", 0, 1.5),
        ("leave", "happy", 0, 1.0),
        ("enter", "angry", 1.0, 2.0),
        ("leave", "angry", 1.0, 2.5),
    ]


def test_hysteresis_keeps_a_label_that_is_nearly_likely_enough():
    nearly = [0.1, 0.45, 0.45]
    assert {event.label for event in process_all(tracker(), utterance(0, HAPPY, HAPPY, nearly, nearly, nearly))} == {
        "happy"
    }
    events = process_all(tracker(leave_below=0.5), utterance(0, HAPPY, HAPPY, nearly, nearly, nearly))
    assert [event.status for event in events if event.kind == "enter"] == ["ok", "uncertain"]


def test_uncertain_if_no_label_is_likely_enough():
    events = process_all(tracker(), utterance(0, BETWEEN, BETWEEN, BETWEEN))
    assert short(events) == [
        ("enter", "uncertain", 0, 1.0),
        ("leave", "uncertain", 0, 1.5),
    ]
    assert {(event.status, event.label, event.confidence) for event in events} == {("uncertain", None, 0.4)}
    assert str(events[0]) == "enter uncertain 0.40  0.0-1.0 s"


def test_no_verdict_without_speech():
    under_test = tracker()
    assert process_all(under_test, utterance(0, None, None, None)) == []
    assert under_test.verdict is None
    events = process_all(under_test, utterance(5, HAPPY, HAPPY, None, None))
    assert short(events) == [("enter", "happy", 5, 6), ("leave", "happy", 5, 6)]
    assert under_test.probabilities == {}


def test_a_label_after_noise_begins_no_earlier_than_the_one_before_it_ended():
    events = process_all(tracker(minimum_s=0), utterance(0, HAPPY, SAD, None, HAPPY))
    assert short(events) == [
        ("enter", "happy", 0, 0.5),
        ("leave", "happy", 0, 0.5),
        ("enter", "sad", 0.5, 1.0),
        ("leave", "sad", 0.5, 1.0),
        ("enter", "happy", 1.0, 2.0),
        ("leave", "happy", 1.0, 2.0),
    ]


def test_speech_after_noise_must_last_long_enough_too():
    events = process_all(tracker(), utterance(0, None, HAPPY, HAPPY, HAPPY))
    assert short(events)[0] == ("enter", "happy", 0, 1.5)
    events = process_all(tracker(), utterance(0, None, None, None, None, HAPPY, HAPPY, None))
    assert short(events) == [("enter", "happy", 2.0, 3.0), ("leave", "happy", 2.0, 3.0)]


def test_a_label_that_was_left_cannot_be_entered_again_at_once():
    talk = utterance(0, HAPPY, HAPPY), utterance(1.5, HAPPY), utterance(3.0, HAPPY)
    assert short(process_all(tracker(refractory_s=1.9), *talk)) == [
        ("enter", "happy", 0, 1.0),
        ("leave", "happy", 0, 1.0),
        ("enter", "happy", 3.0, 3.5),
        ("leave", "happy", 3.0, 3.5),
    ]
    talk = utterance(0, HAPPY, HAPPY), utterance(1.5, HAPPY), utterance(3.0, HAPPY)
    assert len(process_all(tracker(refractory_s=0), *talk)) == 6


def test_smoothing_begins_when_the_window_slides():
    under_test = tracker(smoothing_s=0.5)
    answers = [HAPPY] * 4 + [SAD] * 4
    events = process_all(under_test, utterance(0, *answers))
    share = np.exp(-1)  # what remains after a step of one time constant
    smoothed = next(event for event in events if event.end_s == 2.5)
    assert smoothed.probabilities["happy"] == pytest.approx(share * 0.8 + (1 - share) * 0.1)
    assert [event.label for event in events if event.kind == "enter"] == ["happy", "sad"]


def test_an_event_as_json():
    (event, *_) = process_all(tracker(), utterance(0.1, [0.123456789, 0.8, 0.076543211]))
    data = json.loads(json.dumps(event.to_dict()))
    assert data == {
        "event": "enter",
        "status": "ok",
        "label": "happy",
        "confidence": 0.8,
        "probabilities": {"angry": 0.123457, "happy": 0.8, "sad": 0.076543},
        "start_s": 0.1,
        "end_s": 0.6,
        "time": "2026-01-01T00:00:00.600+00:00",
        "model": "model",
    }


ANSWERS = st.one_of(st.none(), st.sampled_from([ANGRY, HAPPY, SAD, BETWEEN]))


@given(
    talk=st.lists(st.lists(ANSWERS, min_size=1, max_size=12), max_size=8),
    minimum_s=st.sampled_from([0, 0.5, 1, 2]),
    refractory_s=st.sampled_from([0, 1, 5]),
    smoothing_s=st.sampled_from([0, 1]),
)
def test_events_come_in_order_for_any_talk(talk, minimum_s, refractory_s, smoothing_s):
    under_test = tracker(minimum_s=minimum_s, refractory_s=refractory_s, smoothing_s=smoothing_s)
    start_s, events = 0.0, []
    for answers in talk:
        events += process_all(under_test, utterance(start_s, *answers))
        assert under_test.verdict is None  # nothing outlasts its utterance
        start_s += 0.5 * len(answers) + 0.6
    held = None
    last_left: dict[str, float] = {}
    for event in events:
        assert event.start_s <= event.end_s
        if event.kind == "enter":
            assert held is None
            held = event
            if event.label is not None:
                assert event.end_s - last_left.get(event.label, -1e9) >= refractory_s
        else:
            assert held is not None
            assert (event.label, event.start_s) == (held.label, held.start_s)
        if event.kind == "leave":
            last_left[event.label] = event.end_s
            held = None
    assert held is None
    starts = [event.start_s for event in events if event.kind == "enter"]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pause_s": 0}, "pause_s: got 0, wanted a number, 0.1 to 60"),
        ({"enter_above": 1.5}, "enter_above: got 1.5, wanted a number, 0 to 1"),
        ({"speech_above": None}, "speech_above: got None"),
        ({"minimum_s": "1"}, "minimum_s: got '1'"),
        ({"window_s": float("nan")}, "window_s: got nan"),
        ({"step_s": 3, "window_s": 2}, "step_s: got 3, wanted at most window_s, which is 2"),
        ({"leave_below": 0.6, "enter_above": 0.5}, "leave_below: got 0.6, wanted at most enter_above"),
    ],
)
def test_invalid_settings(changes, message):
    with pytest.raises(SettingsError, match=message):
        ListenSettings(**changes)


def test_settings_accept_any_type_of_number():
    smoothing_s: Any = np.float32(1.5)
    assert ListenSettings(smoothing_s=smoothing_s, pause_s=1).smoothing_s == 1.5


def test_settings_default_to_those_of_the_model():
    recipe = EmotionClassifier("tess-mlp").recipe.replace(window_s=3.0, step_s=0.25, uncertain_below=0.6)
    settings = ListenSettings().for_model(recipe)
    assert (settings.window_s, settings.step_s, settings.enter_above) == (3.0, 0.25, 0.6)
    assert settings.leave_below == pytest.approx(0.48)
    settings = ListenSettings(window_s=1.0, enter_above=0.9, leave_below=0.1).for_model(recipe)
    assert (settings.window_s, settings.step_s, settings.enter_above, settings.leave_below) == (1.0, 0.25, 0.9, 0.1)
    with pytest.raises(SettingsError, match="step_s"):
        ListenSettings(step_s=4.0).for_model(recipe)
