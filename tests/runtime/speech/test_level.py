"""The level alone rejects silence, clicks and hiss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import tone, voice

from emotion_edge.speech.level import LevelGate

RATE = 16000


def is_open(samples, sizes=()):
    gate, at = LevelGate(RATE), 0
    for size in [*sizes, len(samples)]:
        gate.process(samples[at : at + size])
        at += size
    return gate.open


def decibels(level):
    return 10 ** (level / 20)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(RATE),
        np.full(RATE, 0.5),  # an offset
        np.eye(1, RATE, 5000)[0],  # a click
        decibels(-70) * np.random.default_rng(0).standard_normal(RATE),  # the hiss of a quiet input
        np.random.default_rng(0).integers(-1, 2, RATE) / 32768,  # dither
        voice(0, rate=RATE, seconds=0.005),
        voice(0, rate=RATE, seconds=0.09),
    ],
    ids=["zeros", "offset", "click", "hiss", "dither", "5 ms", "90 ms"],
)
def test_no_speech(samples):
    assert not is_open(samples)


@pytest.mark.parametrize(
    "samples",
    [
        voice(0, rate=RATE),
        decibels(-30) * voice(0, rate=RATE),
        0.3 + 0.1 * voice(0, rate=RATE),
        np.concatenate([np.zeros(RATE), voice(0, rate=RATE, seconds=0.3), np.zeros(RATE)]),
        tone(200, rate=RATE, seconds=0.1),
    ],
    ids=["voice", "quiet", "with offset", "in silence", "exactly 0.1 s"],
)
def test_sound_that_may_be_speech(samples):
    assert is_open(samples)


@given(st.integers(0, 8000), st.lists(st.integers(0, 1000), max_size=20), st.floats(-75, -40))
def test_the_verdict_does_not_depend_on_the_blocks(length, sizes, level):
    samples = (decibels(level) * np.random.default_rng(length).standard_normal(length)).astype(np.float32)
    assert is_open(samples, sizes) == is_open(samples)
