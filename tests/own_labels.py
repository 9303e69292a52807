"""A recording with answers of a model with your own labels, without a model or sound."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from types import SimpleNamespace
from typing import Any

import numpy as np

from emotion_edge.prediction import Prediction
from emotion_edge.speech.windows import Windows
from emotion_edge.timeline_files import recording
from emotion_edge.timeline_files.recording import Recording

SHORT = (
    "calm", "boredom", "cross", "disgust", "surprise", "a rather long label name", "hope", "pride", "shame", "relief",
    "awe", "envy", "trust", "guilt",
)  # fmt: skip


SECOND = np.sin(np.arange(1000)).astype(np.float32)


def labelled(monkeypatch, labels, name="talk.wav", model="mine") -> Recording:
    """Eighty seconds in which each label is the most likely for a while, and some windows are uncertain or silent."""
    monkeypatch.setattr(recording, "answered", lambda _, blocks, __: _windows(blocks, labels, model))
    classifier: Any = SimpleNamespace(recipe=SimpleNamespace(name=model, labels=tuple(labels)), sample_rate_hz=1000)
    return Recording(name, classifier, [SECOND] * 80, Windows(2.0, 0.5))


def _windows(blocks, labels, model):
    for _ in blocks:
        pass
    statuses: Iterator[Any] = cycle(["ok"] * 40 + ["uncertain"] * 4 + ["no_speech"] * 6)
    for number, status in enumerate(islice(statuses, 157)):
        best = labels[number * len(labels) // 157]
        shares = {label: 0.3 / len(labels) + 0.7 * (label == best) for label in labels}
        at_s = 0.5 * number
        if status == "no_speech":
            yield Prediction(None, 0.0, {}, status, at_s, at_s + 2, model)
        else:
            yield Prediction(best, shares[best], shares, status, at_s, at_s + 2, model)
