"""Level, voicing and pitch of frames, on sounds whose pitch is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_edge import ModelError
from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.recipe import MfccRecipe, ProsodyRecipe
from emotion_edge.model.recipe import ModelRecipe

RATE = 16000
RECIPE = MfccRecipe.preset(
    "librosa", sample_rate_hz=RATE, n_mfcc=20, n_mels=64, n_fft=1024, window_length=640, hop_length=160, fmin_hz=60.0
)


def prosody(samples, recipe=RECIPE, **ranges):
    """Level, voicing and log2 of the pitch of the frames completely inside the sound, each of shape (n_frames,)."""
    frames = Mfcc(recipe, prosody=ProsodyRecipe(**ranges))(samples)
    beside = -(-recipe.n_fft // 2 // recipe.hop_length)
    return frames[beside:-beside, -3:].T


def harmonics(pitch_hz, *, rate=RATE, seconds=0.5, noise=0.0, seed=0):
    """A buzz: all harmonics up to 4 kHz with random phases; an octave higher, they are half as strong."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    sound = sum(
        np.sin(2 * np.pi * number * pitch_hz * time + random.uniform(0, 2 * np.pi)) / number
        for number in range(1, int(4000 / pitch_hz) + 1)
    )
    return (0.1 * (sound + noise * random.standard_normal(len(time)))).astype(np.float32)


@given(st.floats(70, 480), st.integers(0, 100))
def test_the_pitch_of_a_buzz_is_found_within_a_twentieth_of_a_semitone(pitch_hz, seed):
    _, voicing, pitch = prosody(harmonics(pitch_hz, seed=seed))
    assert voicing.min() > (0.9 if pitch_hz > 100 else 0.7)
    assert voicing.max() <= 1
    np.testing.assert_allclose(pitch, np.log2(pitch_hz), atol=0.05 / 12)


@pytest.mark.parametrize(("rate", "n_fft"), [(8000, 512), (22050, 1500), (48000, 4096)])
def test_the_pitch_at_other_rates_and_transform_lengths(rate, n_fft):
    window = round(0.04 * rate)
    recipe = MfccRecipe.preset(
        "librosa", sample_rate_hz=rate, n_fft=n_fft, window_length=window, hop_length=rate // 100
    )
    for pitch_hz in (80, 140, 250, 450):
        _, voicing, pitch = prosody(harmonics(pitch_hz, rate=rate), recipe)
        assert 0.9 < voicing.min() <= voicing.max() <= 1
        np.testing.assert_allclose(pitch, np.log2(pitch_hz), atol=0.1 / 12)


def test_noise_is_not_voiced_and_a_buzz_in_noise_less_than_one_alone():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    _, hiss, _ = prosody(0.1 * noise)
    _, rough, _ = prosody(harmonics(120, noise=1.0))
    _, clear, _ = prosody(harmonics(120))
    assert np.median(hiss) < 0.5 < np.median(rough) < np.median(clear)


def test_a_glide_is_followed():
    time = np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(120 * 2**time) / RATE  # an octave in a second
    sound = (0.1 * (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase))).astype(np.float32)
    _, _, pitch = prosody(sound)
    assert np.diff(pitch) == pytest.approx(0.01, abs=0.003)


@pytest.mark.parametrize("gain", [0.01, 0.1, 10.0])
def test_only_the_level_depends_on_the_gain(gain):
    samples = harmonics(150, noise=0.2)
    level, voicing, pitch = prosody(samples)
    louder, same_voicing, same_pitch = prosody(gain * samples)
    np.testing.assert_allclose(louder - level, 20 * np.log10(gain), atol=1e-3)
    np.testing.assert_allclose(same_voicing, voicing, atol=1e-3)
    np.testing.assert_allclose(same_pitch, pitch, atol=1e-3)


@pytest.mark.parametrize("samples", [np.zeros(5000), np.full(5000, 0.5), np.eye(1, 5000, 2500)[0], np.zeros(1)])
def test_silence_a_constant_and_a_click_have_finite_prosody(samples):
    frames = Mfcc(RECIPE, prosody=ProsodyRecipe())(samples.astype(np.float32))
    assert np.isfinite(frames).all()


@given(st.lists(st.integers(0, 4000), max_size=6))
def test_a_stream_gives_the_same_frames_for_blocks_of_any_size(cuts):
    mfcc = Mfcc(RECIPE, prosody=ProsodyRecipe())
    samples = harmonics(130, noise=0.3)[:4000]
    stream = mfcc.stream()
    blocks = [stream.process(block) for block in np.split(samples, sorted(cuts))]
    np.testing.assert_allclose(mfcc.coefficients([*blocks, stream.flush()]), mfcc(samples), atol=2e-3)


def test_coefficients_are_the_same_with_prosody_beside_them():
    samples = harmonics(130, noise=0.3)
    with_prosody = Mfcc(RECIPE, prosody=ProsodyRecipe())(samples)
    assert with_prosody.shape[1] == RECIPE.n_mfcc + 3
    np.testing.assert_array_equal(with_prosody[:, :-3], Mfcc(RECIPE)(samples))


@pytest.mark.parametrize(
    ("mfcc", "ranges", "message"),
    [
        ({"window_length": 400}, {}, "mfcc.window_length: got 400, wanted 494 samples or more"),
        ({"n_fft": 700}, {}, "mfcc.n_fft: got 700, wanted 887 or more"),
        ({}, {"highest_hz": 1999.0, "lowest_hz": 100.0}, ""),
        ({"n_fft": 65_536}, {"highest_hz": 1040.0}, ""),
        ({"n_fft": 65_536}, {"highest_hz": 1041.0}, "mfcc.n_fft: got 65536, wanted 65473 or less, because the pitch"),
        ({}, {"highest_hz": 2001.0}, "prosody.highest_hz: got 2001.0, wanted 97.5 to 2000"),
        ({}, {"lowest_hz": 10.0}, "prosody.lowest_hz: got 10.0, wanted 20 to 1000"),
        (
            {"sample_rate_hz": 8000, "fmax_hz": 4000.0},
            {"highest_hz": 1500.0},
            "prosody.highest_hz: got 1500.0, wanted at most 1000",
        ),
        ({"n_mfcc": 19}, {}, "mfcc.n_mfcc: got 19, wanted 20 or more for functionals"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(mfcc, ranges, message):
    def recipe():
        changed = MfccRecipe.preset(
            "librosa", **{"sample_rate_hz": RATE, "n_fft": 1024, "window_length": 640, "n_mels": 64} | mfcc
        )
        prosody = ProsodyRecipe(**ranges)
        return ModelRecipe(name="x", labels=("a", "b"), mfcc=changed, pooling="functionals", prosody=prosody)

    if not message:
        assert ModelRecipe.from_json(recipe().to_json()) == recipe()
        return
    with pytest.raises(ModelError) as caught:
        recipe()
    assert str(caught.value).startswith(message)


def test_functionals_and_prosody_go_together():
    with pytest.raises(ModelError, match="functionals need it"):
        ModelRecipe(name="x", labels=("a", "b"), mfcc=RECIPE, pooling="functionals")
    with pytest.raises(ModelError, match="does not use it"):
        ModelRecipe(name="x", labels=("a", "b"), mfcc=RECIPE, prosody=ProsodyRecipe())
