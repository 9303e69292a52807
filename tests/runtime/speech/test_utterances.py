"""The starts and ends of utterances, and their windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import tone

from emotion_edge.speech.utterances import Utterances
from emotion_edge.speech.windows import Windows

RATE = 16000


def utterances(rate=RATE, **changes):
    settings = {"windows": Windows(window_s=2.0, step_s=0.5), "pause_s": 0.5, "above_background_db": 9.0}
    return Utterances(rate, **{**settings, **changes})


def noise(seconds, level=1e-4, seed=0, rate=RATE):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def sound(*lengths_s, rate=RATE):
    """Noise with tones: the lengths are those of a silence, a tone, a silence, and so on."""
    sections = []
    for number, seconds in enumerate(lengths_s):
        sections.append(0.2 * tone(300, rate=rate, seconds=seconds) if number % 2 else np.zeros(round(seconds * rate)))
    together = np.concatenate(sections).astype(np.float32)
    return together + noise(len(together) / rate, rate=rate)[: len(together)]


def all_windows(samples, **changes):
    splitter = utterances(**changes)
    return splitter.process(samples) + splitter.flush()


def test_windows_grow_then_slide_and_the_last_ends_with_the_sound():
    windows = all_windows(sound(1.0, 3.2, 1.5))
    (start_s,) = {window.utterance_start_s for window in windows}
    assert start_s == pytest.approx(0.9, abs=0.021)
    assert [round(window.end_s - windows[0].utterance_start_s, 2) for window in windows[:-1]] == pytest.approx(
        [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.4], abs=0.05
    )
    assert [round(window.end_s - window.start_s, 2) for window in windows] == pytest.approx(
        [0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0], abs=0.05
    )
    assert [window.over for window in windows] == [False] * 7 + [True]
    assert windows[-1].end_s == pytest.approx(4.3, abs=0.021)


@given(cuts=st.lists(st.integers(0, 5000), max_size=60))
def test_blocks_of_any_size_give_the_same_windows(cuts):
    samples = sound(0.3, 0.9, 0.7, 2.7, 0.2)
    splitter, at, windows = utterances(), 0, []
    for size in cuts:
        windows += splitter.process(samples[at : at + size])
        at += size
    windows += splitter.process(samples[at:]) + splitter.flush()
    assert windows == all_windows(samples)


def test_a_short_pause_does_not_end_an_utterance_and_a_longer_one_does():
    samples = sound(1.0, 0.5, 0.3, 0.5, 1.0)
    assert sum(window.over for window in all_windows(samples)) == 1
    assert sum(window.over for window in all_windows(samples, pause_s=0.2)) == 2


def test_the_end_of_the_stream_ends_an_utterance():
    (*_, last) = all_windows(sound(0.5, 1.23))
    assert last.over
    assert last.end_s == pytest.approx(1.73)
    assert not any(window.over for window in utterances().process(sound(0.5, 1.23)))


def test_clicks_silence_and_offsets_are_not_utterances():
    clicks = np.zeros(3 * RATE, np.float32)
    clicks[::4000] = 0.9
    for samples in (np.zeros(RATE, np.float32), np.full(RATE, 0.3, np.float32), noise(3), clicks, sound(0.01)[:0]):
        assert all_windows(samples) == []


def test_a_fan_becomes_background_after_a_while_and_a_voice_above_it_is_still_found():
    fan = noise(20, level=0.02)
    begins_s = 15.0
    fan[round(begins_s * RATE) : round((begins_s + 1) * RATE)] += 0.4 * tone(300, rate=RATE, seconds=1)
    windows = all_windows(fan)
    of_the_fan = [window for window in windows if window.end_s < begins_s]
    assert max(window.end_s for window in of_the_fan) < 6
    (last,) = [window for window in windows if window.over and window.end_s > begins_s]
    assert (last.utterance_start_s, last.end_s) == (
        pytest.approx(begins_s - 0.1, abs=0.05),
        pytest.approx(begins_s + 1.1, abs=0.05),
    )


def test_level():
    splitter = utterances()
    splitter.process(tone(300, rate=RATE, seconds=0.5))
    assert splitter.level_dbfs == pytest.approx(-9.03, abs=0.1)
    assert splitter.speaking
    splitter.process(np.zeros(RATE, np.float32))
    assert splitter.level_dbfs == -120
    assert not splitter.speaking


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_any_rate(rate):
    splitter = utterances(rate)
    windows = splitter.process(sound(1.0, 1.0, 1.0, rate=rate))
    assert windows[-1].over
    assert windows[-1].utterance_start_s == pytest.approx(0.9, abs=0.025)
    assert windows[-1].end_s == pytest.approx(2.1, abs=0.025)
