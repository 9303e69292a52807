"""Conditions of an evaluation, and changes of recordings."""

from __future__ import annotations

import numpy as np
import pytest
from emotion_edge_converter.recordings import conditions
from emotion_edge_converter.recordings.augmentation import speech_power
from emotion_edge_converter.recordings.conditions import NOISE, TELEPHONE
from sounds import tone, write

RATE = 16000


def powers(samples):
    return np.mean(np.square(samples, dtype=np.float64))


def test_the_noise_ratio_is_relative_to_speech_not_to_pauses(tmp_path):
    clap = 0.1 * np.random.default_rng(1).standard_normal(1600)
    write(tmp_path / "clap.wav", np.concatenate([np.zeros(RATE), clap]), RATE)
    found = conditions.read(RATE, [tmp_path], None)
    assert len(found.noises[0]) == 1600  # without the silence before it
    speech = tone(764, rate=RATE, seconds=1)
    samples = np.concatenate([speech, np.zeros(4 * RATE, np.float32)])
    under = {name: np.concatenate(list(blocks)) for name, blocks in found.of([samples], np.random.default_rng(0))}
    for snr_db, name in NOISE.items():
        added = under[name] - samples
        assert 10 * np.log10(powers(speech) / powers(added)) == pytest.approx(snr_db, abs=0.1)
    for snr_db, name in NOISE.items():
        at_0_db = (under[name] - samples) * 10 ** (snr_db / 20)
        np.testing.assert_allclose(
            at_0_db, under[NOISE[0]] - samples, atol=1e-4, err_msg="the same section at each ratio"
        )


def test_the_level_of_speech():
    loud, soft = np.full(8000, 0.5, np.float32), np.full(8000, 0.05, np.float32)
    assert speech_power(np.concatenate([loud, soft]), RATE) == pytest.approx(0.25)
    assert speech_power(np.concatenate([loud, 0.5 * loud]), RATE) == pytest.approx((0.25 + 0.0625) / 2)
    assert speech_power(loud[:10], RATE) == pytest.approx(0.25)
    assert speech_power(np.zeros(100, np.float32), RATE) == 0


def test_the_telephone_passes_its_band():
    found = conditions.Conditions(RATE, [], [])
    for frequency_hz, passes in [(100, False), (1000, True), (3000, True), (5000, False)]:
        samples = tone(frequency_hz, rate=RATE, seconds=1)
        (_, (name, blocks)) = found.of([samples], np.random.default_rng(0))
        changed = np.concatenate(list(blocks))
        assert name == TELEPHONE
        assert len(changed) == pytest.approx(len(samples), abs=3)
        assert (powers(changed) > 0.5 * powers(samples)) == passes
