"""The numpy MFCC equal those of librosa and python_speech_features, for clips and for streams."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import voice

from emotion_edge import AudioError
from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.recipe import MfccRecipe

rates = st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000])


@st.composite
def signals(draw, *, shortest=1):
    """Voices, noises, clicks, constants and silences, from one sample to two seconds."""
    length = draw(st.integers(shortest, 40_000))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    kind = draw(st.sampled_from(["voice", "noise", "faint", "click", "constant", "silence"]))
    if kind == "voice":
        return voice(draw(st.integers(0, 1000)), seconds=length / 22050)[:length].astype(np.float64)
    noise = random.standard_normal(length) * np.linspace(1, 0.01, length)
    return {
        "noise": 0.3 * noise,
        "faint": 1e-4 * noise,
        "click": np.eye(1, length, length // 2)[0],
        "constant": np.full(length, 0.25),
        "silence": np.zeros(length),
    }[kind]


@st.composite
def librosa_parameters(draw):
    """Our parameters and those of librosa, with values that both accept."""
    rate = draw(rates)
    n_fft = draw(st.integers(64, 2500))
    window_length = draw(st.integers(32, n_fft))
    n_mels = draw(st.integers(13, 128))
    fmin = draw(st.floats(0, 500))
    ours = {
        "n_fft": n_fft,
        "window_length": window_length,
        "hop_length": draw(st.integers(16, 2 * n_fft)),
        "n_mels": n_mels,
        "n_mfcc": draw(st.integers(1, n_mels)),
        "fmin_hz": fmin,
        "fmax_hz": draw(st.floats(fmin + 1000, rate / 2)),
        "lifter": draw(st.sampled_from([0, 22])),
        "mel_scale": draw(st.sampled_from(["slaney", "htk"])),
        "mel_norm": draw(st.sampled_from(["area", "none"])),
        "window": draw(st.sampled_from(["hann", "hamming"])),
    }
    theirs = {
        "n_fft": n_fft,
        "win_length": window_length,
        "hop_length": ours["hop_length"],
        "n_mels": n_mels,
        "n_mfcc": ours["n_mfcc"],
        "fmin": fmin,
        "fmax": ours["fmax_hz"],
        "lifter": ours["lifter"],
        "htk": ours["mel_scale"] == "htk",
        "mel_norm": "slaney" if ours["mel_norm"] == "area" else None,
        "window": ours["window"],
    }
    return rate, ours, theirs


def by_librosa(samples, rate, **parameters):
    librosa = pytest.importorskip("librosa")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short clips, empty filters
        return librosa.feature.mfcc(y=samples, sr=rate, **parameters).T


def by_python_speech_features(samples, rate, **parameters):
    return pytest.importorskip("python_speech_features").mfcc(samples, rate, **parameters)


@given(signals(), rates, st.sampled_from([13, 20, 30, 40, 50]))
def test_equals_librosa_with_its_defaults(samples, rate, n_mfcc):
    recipe = MfccRecipe.preset("librosa", sample_rate_hz=rate, n_mfcc=n_mfcc)
    ours = Mfcc(recipe, dtype=np.float64)(samples)
    np.testing.assert_allclose(ours, by_librosa(samples, rate, n_mfcc=n_mfcc), atol=1e-4, rtol=0)


@given(signals(), librosa_parameters())
def test_equals_librosa_with_any_parameters(samples, parameters):
    rate, ours, theirs = parameters
    mfcc = Mfcc(MfccRecipe.preset("librosa", sample_rate_hz=rate, **ours), dtype=np.float64)
    np.testing.assert_allclose(mfcc(samples), by_librosa(samples, rate, **theirs), atol=1e-3, rtol=0)


@given(st.integers(0, 1000), rates, st.floats(0.005, 2))
def test_float32_on_the_device_equals_librosa_in_float32(seed, rate, seconds):
    samples = voice(seed, rate=rate, seconds=seconds)
    ours = Mfcc(MfccRecipe.preset("librosa", sample_rate_hz=rate, n_mfcc=40))(samples)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, by_librosa(samples, rate, n_mfcc=40), atol=1e-3, rtol=0)


@given(signals(), rates)
def test_equals_python_speech_features_with_its_defaults(samples, rate):
    ours = Mfcc(MfccRecipe.preset("python_speech_features", sample_rate_hz=rate), dtype=np.float64)(samples)
    np.testing.assert_allclose(ours, by_python_speech_features(samples, rate), atol=1e-9, rtol=0)


@given(
    signals(),
    rates,
    st.integers(100, 1500),
    st.integers(50, 3000),
    st.sampled_from([256, 512, 1024, 2048]),
    st.integers(13, 40),
    st.sampled_from([0, 22, 30]),
    st.sampled_from([0.0, 0.95, 0.97]),
    st.booleans(),
)
def test_equals_python_speech_features_with_any_parameters(
    samples, rate, window, hop, n_fft, n_mels, lifter, pre_emphasis, energy
):
    recipe = MfccRecipe.preset(
        "python_speech_features",
        sample_rate_hz=rate,
        window_length=window,
        hop_length=hop,
        n_fft=n_fft,
        n_mels=n_mels,
        n_mfcc=13,
        lifter=lifter,
        pre_emphasis=pre_emphasis,
        first_coefficient="log_energy" if energy else "cepstral",
        fmin_hz=100.0,
        fmax_hz=3800.0,
    )
    theirs = by_python_speech_features(
        samples,
        rate,
        winlen=window / rate,
        winstep=hop / rate,
        nfft=n_fft,
        nfilt=n_mels,
        numcep=13,
        ceplifter=lifter,
        preemph=pre_emphasis,
        appendEnergy=energy,
        lowfreq=100,
        highfreq=3800,
    )
    np.testing.assert_allclose(Mfcc(recipe, dtype=np.float64)(samples), theirs, atol=1e-9, rtol=0)


def test_sixteen_bit_integers_as_python_speech_features_uses_them():
    integers = (voice(1) * 32767).astype(np.int16)
    recipe = MfccRecipe.preset("python_speech_features", sample_rate_hz=22050, sample_scale=32768.0)
    ours = Mfcc(recipe, dtype=np.float64)(integers / 32768)
    np.testing.assert_allclose(ours, by_python_speech_features(integers, 22050), atol=1e-9, rtol=0)


@given(
    st.sampled_from(["librosa", "python_speech_features"]),
    st.integers(1, 12_000),
    st.lists(st.integers(0, 5000), max_size=12),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([160, 512, 3000]),
)
def test_a_stream_gives_the_same_frames_for_all_block_sizes(preset, length, sizes, dtype, hop):
    samples = voice(length, seconds=length / 22050).astype(dtype)
    mfcc = Mfcc(MfccRecipe.preset(preset, sample_rate_hz=22050, hop_length=hop), dtype=dtype)
    stream, blocks, at = mfcc.stream(), [], 0
    for size in [*sizes, length]:
        blocks.append(stream.process(samples[at : at + size]))
        at += size
    blocks.append(stream.flush())
    tolerance = 1e-10 if dtype == np.float64 else 1e-3
    np.testing.assert_allclose(mfcc.coefficients(blocks), mfcc(samples), atol=tolerance, rtol=0)


@pytest.mark.parametrize("length", [511, 512, 513, 1023, 1024, 1025, 2047, 2048, 2049])
@pytest.mark.parametrize("chunk", [1, 160, 512, 1024])
def test_exact_multiples_lose_no_frame(length, chunk):
    samples = voice(0)[:length]
    mfcc = Mfcc(MfccRecipe.preset("librosa", sample_rate_hz=22050, n_fft=512, hop_length=512))
    stream = mfcc.stream()
    frames = [stream.process(samples[at : at + chunk]) for at in range(0, length, chunk)]
    assert len(np.concatenate([*frames, stream.flush()])) == len(mfcc(samples)) == 1 + length // 512


def test_recipes_share_their_banks():
    recipe = MfccRecipe.preset("librosa", sample_rate_hz=22050)
    assert Mfcc(recipe)._banks is Mfcc(MfccRecipe.preset("librosa", sample_rate_hz=22050))._banks


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((10, 2))])
def test_wrong_shapes_are_refused(samples):
    with pytest.raises(AudioError, match=r"wanted \(n,\)"):
        Mfcc(MfccRecipe.preset("librosa", sample_rate_hz=22050))(samples)
