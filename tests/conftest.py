"""Fixtures for several tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from mosquitto import Mosquitto

from models import AllIsSpeech

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Deterministic and without deadlines: the machines that run these tests are small and busy.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=60, print_blob=True)
settings.load_profile("default")


@pytest.fixture(scope="session")
def tess() -> Path:
    """The folder of the TESS recordings, EMOTION_EDGE_CORPORA/tess. Their licence keeps them out of repositories."""
    corpora = os.environ.get("EMOTION_EDGE_CORPORA")
    if not corpora:
        pytest.skip("EMOTION_EDGE_CORPORA is not set: it names the folder that holds tess/")
    folder = Path(corpora) / "tess"
    assert folder.is_dir(), f"EMOTION_EDGE_CORPORA is set, but {folder} is not a folder"
    return folder


@pytest.fixture(scope="module")
def as_a_fresh_process() -> Iterator[None]:
    """Use numpy's transform, as `classify` does, although other tests have loaded scipy's.

    Their last digits differ. The voice encoder rounds its inputs, so that an answer may differ by 0.01.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "scipy.fft", raising=False)
        yield


@pytest.fixture
def open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all loud sound count as speech, for tests of something else."""
    gate = AllIsSpeech()
    monkeypatch.setattr("emotion_edge.classifier.speech_gate", lambda: gate)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running MQTT broker without access control, for tests that are marked needs_mosquitto."""
    running = Mosquitto(tmp_path)
    yield running
    running.stop()
