"""Timelines for programs: JSON and CSV, written window by window."""

from __future__ import annotations

import json
from pathlib import Path

from ..batch.classify import FileResult
from ..batch.results import Csv, readable
from ..prediction import rounded
from .recording import Recording


def write_json(recording: Recording, path: Path) -> None:
    """Write one object: file, model, labels, windows (as from `Prediction.to_dict`), and the duration at the end."""
    head = {"file": readable(recording.path), "model": recording.model, "labels": list(recording.labels)}
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head)[:-1] + ', "windows": [')
        for number, window in enumerate(recording.windows()):
            entry = {name: value for name, value in window.to_dict().items() if name != "model"}
            file.write(("," if number else "") + "\n" + json.dumps(entry))
        file.write(f'\n], "duration_s": {json.dumps(rounded(recording.duration_s))}}}\n')


def write_csv(recording: Recording, path: Path) -> None:
    """Write one row per window, with the columns of `emotion-edge classify --timeline -o FILE.csv`."""
    form = Csv(recording.labels)
    with path.open("wb") as file:
        file.write(form.header())
        for window in recording.windows():
            file.write(form.encode(FileResult(recording.path, window, None)))
