"""Made-up results, without files or a model."""

from __future__ import annotations

from emotion_edge import FileResult, Prediction

LABELS = ("calm", "cross")


def answer(path, start_s=0.0, model="mine"):
    prediction = Prediction(
        label="calm",
        confidence=0.75,
        probabilities={"calm": 0.75, "cross": 0.25},
        status="ok",
        start_s=start_s,
        end_s=start_s + 2.0,
        model=model,
    )
    return FileResult(path, prediction, None)


def silence(path):
    return FileResult(path, Prediction(None, 0.0, {}, "no_speech", 0.0, 1.0, "mine"), None)


def failure(path):
    return FileResult(path, None, f"{path}: no such file")
