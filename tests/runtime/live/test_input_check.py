"""Faulty microphones are reported, and their invalid samples become silence."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from sounds import voice

from emotion_edge.live.input_check import InputCheck

RATE = 16000


@pytest.fixture
def check(caplog):
    caplog.set_level(logging.WARNING)
    return InputCheck(RATE, "the microphone")


def test_sound_passes_unchanged(check, caplog):
    samples = voice(1, rate=RATE, seconds=2.0)
    cleaned = np.concatenate([check.clean(samples[at : at + 1234]) for at in range(0, len(samples), 1234)])
    np.testing.assert_array_equal(cleaned, samples)
    assert check.clean(samples[:0]).shape == (0,)
    assert caplog.messages == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_invalid_samples_become_silence_and_are_reported_once(check, caplog, value):
    samples = voice(1, rate=RATE)
    broken = samples.copy()
    broken[100:200] = value
    for _ in range(3):
        cleaned = check.clean(broken)
        assert (cleaned[100:200] == 0).all()
        np.testing.assert_array_equal(cleaned[200:], samples[200:])
    assert caplog.messages == [
        "the microphone delivers samples that are not finite or far too large: they are replaced with silence"
    ]
    check.clean(samples)
    check.clean(broken)
    assert len(caplog.messages) == 2


@pytest.mark.parametrize(("value", "what"), [(0.0, "only zeros"), (0.25, "the same samples again and again")])
def test_a_dead_microphone(check, caplog, value, what):
    for _ in range(100):
        check.clean(np.full(1600, value, np.float32))
    assert caplog.messages == [f"the microphone has delivered {what} for 5 s: is it muted, broken, or the wrong one?"]
    check.clean(voice(1, rate=RATE))
    assert caplog.messages[1:] == ["the microphone delivers sound again"]


def test_a_buffer_that_is_repeated_becomes_silence(check, caplog):
    block = voice(2, rate=RATE)[:320]
    cleaned = check.clean(np.tile(block, 500))
    assert (cleaned[:320] == block).all()
    assert (cleaned[RATE:] == 0).all()
    assert "the same samples again and again" in caplog.text


def test_short_pauses_of_digital_silence_are_not_reported(check, caplog):
    samples = voice(1, rate=RATE)
    for _ in range(5):
        check.clean(np.concatenate([samples, np.zeros(3 * RATE, np.float32)]))
    assert caplog.messages == []
