"""When a label is entered, held and left."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

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
    """Windows of one utterance with their answers, the last of them over."""
    for number, answer in enumerate(answers, 1):
        end_s = start_s + number * step_s
        over = number == len(answers)
        yield Window(start_s, max(start_s, end_s - window_s), end_s, over), answer


def told(tracker, *utterances):
    events = []
    for each in utterances:
        for window, answer in each:
            events += tracker.process(window, None if answer is None else np.array(answer))
    return events


def short(events):
    return [(event.kind, event.label or event.status, event.start_s, event.end_s) for event in events]


def test_entered_held_left():
    events = told(tracker(), utterance(1.0, HAPPY, HAPPY, HAPPY, HAPPY))
    assert short(events) == [
        ("enter", "happy", 1.0, 2.0),
        ("hold", "happy", 1.0, 2.5),
        ("leave", "happy", 1.0, 3.0),
    ]
    assert {event.confidence for event in events} == {0.8}
    assert events[-1].time == EPOCH + timedelta(seconds=3)
    assert dict(events[0].probabilities) == dict(zip(LABELS, HAPPY, strict=True))


def test_a_short_utterance_has_its_say_at_its_end():
    assert short(told(tracker(), utterance(2.0, SAD))) == [("enter", "sad", 2.0, 2.5), ("leave", "sad", 2.0, 2.5)]


def test_a_passing_choice_is_not_entered():
    events = told(tracker(), utterance(0, HAPPY, HAPPY, ANGRY, HAPPY, HAPPY))
    assert {event.label for event in events} == {"happy"}
    assert [event.kind for event in events] == ["enter", "hold", "hold", "leave"]
    assert events[1].confidence == 0.1  # honest about the window that disagreed


def test_one_label_gives_way_to_another():
    events = told(tracker(), utterance(0, HAPPY, HAPPY, ANGRY, ANGRY, ANGRY))
    assert short(events) == [
        ("enter", "happy", 0, 1.0),
        ("hold", "happy", 0, 1.5),
        ("leave", "happy", 0, 1.0),
        ("enter", "angry", 1.0, 2.0),
        ("leave", "angry", 1.0, 2.5),
    ]


def test_hysteresis_keeps_a_label_that_is_nearly_likely_enough():
    nearly = [0.1, 0.45, 0.45]
    assert {event.label for event in told(tracker(), utterance(0, HAPPY, HAPPY, nearly, nearly, nearly))} == {"happy"}
    events = told(tracker(leave_below=0.5), utterance(0, HAPPY, HAPPY, nearly, nearly, nearly))
    assert [event.status for event in events if event.kind == "enter"] == ["ok", "uncertain"]


def test_uncertain_when_nothing_is_sure():
    events = told(tracker(), utterance(0, BETWEEN, BETWEEN, BETWEEN))
    assert short(events) == [
        ("enter", "uncertain", 0, 1.0),
        ("leave", "uncertain", 0, 1.5),
    ]
    assert {(event.status, event.label, event.confidence) for event in events} == {("uncertain", None, 0.4)}
    assert str(events[0]) == "enter uncertain 0.40  0.0-1.0 s"


def test_no_verdict_where_nobody_speaks():
    under_test = tracker()
    assert told(under_test, utterance(0, None, None, None)) == []
    assert under_test.verdict is None
    events = told(under_test, utterance(5, HAPPY, HAPPY, None, None))
    assert short(events) == [("enter", "happy", 5, 6), ("leave", "happy", 5, 6)]
    assert under_test.probabilities == {}


def test_speech_after_noise_must_last_too():
    events = told(tracker(), utterance(0, None, HAPPY, HAPPY, HAPPY))
    assert short(events)[0] == ("enter", "happy", 0, 1.5)
    events = told(tracker(), utterance(0, None, None, None, None, HAPPY, HAPPY, None))
    assert short(events) == [("enter", "happy", 2.0, 3.0), ("leave", "happy", 2.0, 3.0)]


def test_a_label_that_was_left_rests():
    talk = utterance(0, HAPPY, HAPPY), utterance(1.5, HAPPY), utterance(3.0, HAPPY)
    assert short(told(tracker(refractory_s=1.9), *talk)) == [
        ("enter", "happy", 0, 1.0),
        ("leave", "happy", 0, 1.0),
        ("enter", "happy", 3.0, 3.5),
        ("leave", "happy", 3.0, 3.5),
    ]
    talk = utterance(0, HAPPY, HAPPY), utterance(1.5, HAPPY), utterance(3.0, HAPPY)
    assert len(told(tracker(refractory_s=0), *talk)) == 6


def test_smoothing_begins_when_the_window_slides():
    under_test = tracker(smoothing_s=0.5)
    answers = [HAPPY] * 4 + [SAD] * 4
    events = told(under_test, utterance(0, *answers))
    share = np.exp(-1)  # what is left after a step of one time constant
    smoothed = next(event for event in events if event.end_s == 2.5)
    assert smoothed.probabilities["happy"] == pytest.approx(share * 0.8 + (1 - share) * 0.1)
    assert [event.label for event in events if event.kind == "enter"] == ["happy", "sad"]


def test_json():
    (event, *_) = told(tracker(), utterance(0.1, [0.123456789, 0.8, 0.076543211]))
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
def test_whatever_is_said_events_come_in_order(talk, minimum_s, refractory_s, smoothing_s):
    under_test = tracker(minimum_s=minimum_s, refractory_s=refractory_s, smoothing_s=smoothing_s)
    start_s, events = 0.0, []
    for answers in talk:
        events += told(under_test, utterance(start_s, *answers))
        assert under_test.verdict is None  # nothing outlasts its utterance
        start_s += 0.5 * len(answers) + 0.6
    held = None
    last_left: dict = {}
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
def test_settings_that_make_no_sense(changes, message):
    with pytest.raises(SettingsError, match=message):
        ListenSettings(**changes)


def test_any_kind_of_number_is_a_setting():
    assert ListenSettings(smoothing_s=np.float32(1.5), pause_s=1).smoothing_s == 1.5


def test_settings_follow_the_model():
    recipe = EmotionClassifier("tess-mlp").recipe.replace(window_s=3.0, step_s=0.25, uncertain_below=0.6)
    settings = ListenSettings().for_model(recipe)
    assert (settings.window_s, settings.step_s, settings.enter_above) == (3.0, 0.25, 0.6)
    assert settings.leave_below == pytest.approx(0.48)
    settings = ListenSettings(window_s=1.0, enter_above=0.9, leave_below=0.1).for_model(recipe)
    assert (settings.window_s, settings.step_s, settings.enter_above, settings.leave_below) == (1.0, 0.25, 0.9, 0.1)
    with pytest.raises(SettingsError, match="step_s"):
        ListenSettings(step_s=4.0).for_model(recipe)
