"""Timelines for players and editors: WebVTT captions and Audacity's label track, a line for each run of windows.

Where nobody speaks there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .recording import Recording
from .stretches import Run, runs, stretches


def write_vtt(recording: Recording, path: Path) -> None:
    """WebVTT, as https://www.w3.org/TR/webvtt1/ has it."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("WEBVTT\n")
        for run in _spoken(recording):
            start, end = _timestamp(run.start_s), _timestamp(run.end_s)
            if start < end:  # a cue lasts at least a millisecond
                file.write(f"\n{start} --> {end}\n{_escaped(_words(run))}\n")


def write_labels(recording: Recording, path: Path) -> None:
    """Start, end and label, tab separated, as Audacity's File > Import > Labels takes them."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for run in _spoken(recording):
            file.write(f"{run.start_s:.6f}\t{run.end_s:.6f}\t{_words(run)}\n")


def _spoken(recording: Recording) -> Iterator[Run]:
    return (run for run in runs(stretches(recording.windows())) if run.label is not None)


def _words(run: Run) -> str:
    """On one line, whatever the label holds."""
    label = re.sub(r"\s+", " ", run.label or "").strip()
    return f"uncertain ({label})" if run.status == "uncertain" else label


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timestamp(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
