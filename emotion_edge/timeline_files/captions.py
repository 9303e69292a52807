"""Timelines for players and editors: WebVTT captions and Audacity label tracks.

There is one line for each run of windows with the same answer, and none where there is no speech.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .recording import Recording
from .sections import Run, runs, sections


def write_vtt(recording: Recording, path: Path) -> None:
    """Write WebVTT captions, as https://www.w3.org/TR/webvtt1/ defines them."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("WEBVTT\n")
        for run in _spoken(recording):
            start, end = _timestamp(run.start_s), _timestamp(run.end_s)
            if start < end:  # a cue lasts at least a millisecond
                file.write(f"\n{start} --> {end}\n{_escaped(_text(run))}\n")


def write_labels(recording: Recording, path: Path) -> None:
    """Write start, end and label, separated by tabs: the format that Audacity reads with File > Import > Labels."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for run in _spoken(recording):
            file.write(f"{run.start_s:.6f}\t{run.end_s:.6f}\t{_text(run)}\n")


def _spoken(recording: Recording) -> Iterator[Run]:
    return (run for run in runs(sections(recording.windows())) if run.label is not None)


def _text(run: Run) -> str:
    """The caption of a run, on one line even if the label contains line breaks."""
    label = re.sub(r"\s+", " ", run.label or "").strip()
    return f"uncertain ({label})" if run.status == "uncertain" else label


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _timestamp(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
