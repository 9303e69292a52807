"""Features of recordings and of changed versions of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotion_edge_converter.corpora.readers import Utterance
from emotion_edge_converter.features import examples
from encoders import write_head
from sounds import voice, write

from emotion_edge import EmotionClassifier
from emotion_edge.audio.files import read_blocks
from emotion_edge.model.file import load

RATE = 16000
OPTIONS: dict[str, Any] = {"n_versions": 2, "noises": [], "rooms": [], "seed": 1}


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A model file beside its encoder."""
    return write_head(tmp_path_factory.mktemp("head"))


def utterance(path: Path, speaker: str) -> Utterance:
    return Utterance(path, speaker, "", "sad", "one")


def extracted(head, utterances, file, **options):
    recipe = load(head).recipe
    return examples.extract(utterances, recipe, **{**OPTIONS, **options}, file=file, encoder=head.parent)


def test_features_do_not_depend_on_the_number_of_processes(head, tmp_path):
    noise = write(tmp_path / "hiss.wav", np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32), RATE)
    some = [
        utterance(write(tmp_path / f"{number}.wav", voice(number, rate=RATE, seconds=1.0), RATE), "ab"[number % 2])
        for number in range(4)
    ]
    one, two = (extracted(head, some, tmp_path / f"{jobs}.npy", noises=[noise], jobs=jobs).features for jobs in (1, 2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (4, 3, 768)
    classifier = EmotionClassifier(head)
    for each, (as_recorded, *changed) in zip(some, one, strict=True):
        device = classifier.features(read_blocks(each.file, sample_rate_hz=RATE)).vector
        np.testing.assert_allclose(as_recorded, device, rtol=1e-3, atol=1e-3)
        assert all(not np.allclose(version, as_recorded, rtol=0.01) for version in changed)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_recording_is_left_out(head, tmp_path, caplog, jobs):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF")
    good = write(tmp_path / "good.wav", voice(1, rate=RATE, seconds=1.0), RATE)
    some = [utterance(file, "a") for file in (bad, good)]
    table = extracted(head, some, tmp_path / "features.npy", n_versions=1, jobs=jobs)
    assert "bad.wav is not audio" in caplog.text
    assert [each.file for each in table.utterances] == [good]
    assert table.features.shape[0] == 1
