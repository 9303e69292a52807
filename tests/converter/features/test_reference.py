"""The reference libraries are called with the values of a recipe, or the recipe is refused."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from emotion_edge_converter.corpora.readers import Utterance
from emotion_edge_converter.errors import ConversionError, CorpusError
from emotion_edge_converter.features.reference import extract, reference_features, reference_mfcc
from sounds import voice, write

from emotion_edge.features.mfcc import Mfcc
from emotion_edge.features.recipe import MfccRecipe
from emotion_edge.model.recipe import ModelRecipe

RATE = 16000
LIBROSA = {"n_fft": 1024, "hop_length": 256, "n_mels": 40, "mel_scale": "htk", "mel_norm": "none", "lifter": 20}


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("librosa", {}),
        ("librosa", {"n_mfcc": 40, **LIBROSA}),
        ("librosa", {"window": "rectangular", "fmin_hz": 50.0, "fmax_hz": 6000.0}),
        ("librosa", {"sample_scale": 32768.0}),
        ("python_speech_features", {}),
        ("python_speech_features", {"n_mfcc": 20, "first_coefficient": "cepstral", "pre_emphasis": 0.0}),
        ("python_speech_features", {"sample_scale": 32768.0, "window_length": 800, "n_fft": 512}),
    ],
)
def test_the_device_computes_the_same_as_the_library(preset, changes):
    recipe = MfccRecipe.preset(preset, sample_rate_hz=RATE, **changes)
    samples = voice(1, rate=RATE).astype(np.float64)
    np.testing.assert_allclose(Mfcc(recipe, dtype=np.float64)(samples), reference_mfcc(samples, recipe), atol=1e-3)


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("librosa", {"pre_emphasis": 0.97}),
        ("librosa", {"dynamic_range_db": 60.0}),
        ("python_speech_features", {"window": "hann"}),
        ("python_speech_features", {"window_length": 800, "mel_scale": "slaney"}),
    ],
)
def test_a_recipe_that_no_library_can_compute_is_refused(preset, changes):
    recipe = MfccRecipe.preset(preset, sample_rate_hz=RATE, **changes)
    with pytest.raises(ConversionError, match="neither librosa nor python_speech_features"):
        reference_mfcc(voice(1, rate=RATE), recipe)


def test_the_study_averages_librosas_frames_over_time(tmp_path):
    path = write(tmp_path / "voice.wav", voice(2, rate=24414), 24414)
    samples, rate = librosa.load(path, sr=22050)
    recipe = ModelRecipe(name="r", labels=("a", "b"), mfcc=MfccRecipe.preset("librosa", sample_rate_hz=rate, n_mfcc=30))
    expected = np.mean(librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=30).T, axis=0)
    np.testing.assert_array_equal(reference_features(path, recipe), expected)


def test_unreadable_files_are_left_out_with_a_warning(tmp_path, caplog):
    good = write(tmp_path / "good.wav", voice(3), 22050)
    bad = tmp_path / "bad.wav"
    bad.write_text("no")
    utterances = [Utterance(file, "", "", "a", "folders") for file in (bad, good)]
    recipe = ModelRecipe(name="r", labels=("a", "b"), mfcc=MfccRecipe.preset("librosa", sample_rate_hz=22050))
    kept, features = extract(utterances, recipe)
    assert ([utterance.file for utterance in kept], features.shape) == ([good], (1, 20))
    assert "bad.wav is not audio that can be read" in caplog.text
    with pytest.raises(CorpusError, match="none of the 1 files could be read"):
        extract(utterances[:1], recipe)
