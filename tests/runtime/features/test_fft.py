"""The transforms of numpy and scipy give the same numbers, and scipy is loaded only for streams."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from sounds import SPOKEN, voice

from emotion_edge import EmotionClassifier
from emotion_edge.features.fft import prepare_for_long, rfft
from emotion_edge.features.mfcc import Mfcc

ANSWERS = """
import json, sys
if "without" in sys.argv:
    sys.modules["scipy"] = None  # as if it were not installed
from emotion_edge import EmotionStream, classify
one_shot = classify(sys.argv[1]).to_dict()
loaded = "scipy.fft" in sys.modules
stream = EmotionStream(16000)
print(json.dumps([one_shot, loaded, sys.modules.get("scipy.fft") is not None]))
"""


@pytest.fixture(params=["numpy", "scipy"])
def transform(request, monkeypatch):
    """Use only this library for the transform."""
    pytest.importorskip("scipy.fft")
    if request.param == "numpy":
        monkeypatch.delitem(sys.modules, "scipy.fft")
    else:
        prepare_for_long()
        monkeypatch.setattr(np.fft, "rfft", None)
    return request.param


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "n"), [((7, 512), 512), ((3, 640), 1024), ((1, 700), 512), ((40, 2048), 2048)])
def test_the_transform_of_each_frame(transform, dtype, shape, n):
    frames = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    padded = np.pad(frames.astype(np.float64), ((0, 0), (0, n)))[:, :n]
    exact = padded @ np.exp(-2j * np.pi / n * np.outer(np.arange(n), np.arange(n // 2 + 1)))
    np.testing.assert_allclose(rfft(frames, n), exact, rtol=0, atol=1e-4 if dtype == np.float32 else 1e-9)


def test_frames_equal_those_of_the_training(transform):
    recipe = EmotionClassifier().recipe
    samples = voice(3, rate=recipe.mfcc.sample_rate_hz)
    frames = Mfcc(recipe.mfcc)(samples)
    exact = Mfcc(recipe.mfcc, dtype=np.float64)(samples.astype(np.float64))
    np.testing.assert_allclose(frames, exact, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("arguments", [(), ("without",)])
def test_only_streams_load_scipy_and_it_changes_no_prediction(arguments):
    pytest.importorskip("scipy.fft")
    done = subprocess.run(
        [sys.executable, "-c", ANSWERS, str(SPOKEN[0]), *arguments], capture_output=True, text=True, check=True
    )
    answer, loaded, loaded_by_stream = json.loads(done.stdout)
    assert not loaded
    assert loaded_by_stream == (not arguments)
    prepare_for_long()
    here = EmotionClassifier().classify(SPOKEN[0]).to_dict()
    assert answer["label"] == here["label"]
    assert answer["probabilities"] == pytest.approx(here["probabilities"], abs=0.01)
