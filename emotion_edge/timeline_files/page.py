"""A timeline as one HTML page that loads nothing else: you can keep it, send it, and open it without a network."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..batch.results import readable
from ..palette import Look, css, looks
from ..prediction import rounded
from .overview import Column, Overview
from .recording import Recording
from .sections import Run
from .time_axis import clock, ticks

Array = NDArray[Any]

_FOLDER: Final = Path(__file__).parent
_DIGITS: Final = 3  # of coordinates: a screen has a few thousand pixels
_FINEST_S: Final = 0.01  # of the outline: people send pages to others, and speech must not be recoverable from them
_WORDS: Final = {"uncertain": "uncertain", "no_speech": "no speech"}


def write_page(recording: Recording, path: Path) -> None:
    """Write the page: a picture to explore by pointer or keyboard, and the same answers as a table."""
    overview = recording.overview()
    path.write_text(_Page(recording, overview).html(), encoding="utf-8")


class _Page:
    def __init__(self, recording: Recording, overview: Overview) -> None:
        self._recording, self._overview = recording, overview
        self._looks: Final = looks(overview.labels)
        self._duration_s: Final = max(recording.duration_s, overview.end_s, 1e-3)

    def html(self) -> str:
        name = escape(readable(PurePath(self._recording.path).name or self._recording.path))
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>{name}: emotions over time</title>
<style>
{css()}
{_file("page.css")}</style>
</head>
<body>
<header>
<h1>{name}</h1>
<p>{" · ".join(self._about())}</p>
</header>
<main>
<figure>
<div class="chart" id="chart">
<svg class="wave" viewBox="0 -1 {_number(self._duration_s)} 2" preserveAspectRatio="none"
  aria-hidden="true">{self._wave()}</svg>
<div class="ribbons" aria-hidden="true">
<svg viewBox="0 0 {_number(self._duration_s)} 1" preserveAspectRatio="none">{"".join(self._ribbons())}</svg>
{"".join(self._marks())}
{self._bars("doubt", (run for run in self._overview.runs() if run.status == "uncertain"))}
</div>
<div class="strip" aria-hidden="true">{"".join(self._strip())}</div>
<div class="cursor" id="cursor" hidden></div>
<input id="moment" type="range" min="0" max="{max(0, len(self._overview.columns) - 1)}" value="0"
  aria-label="Moment" hidden>
</div>
<div class="axis" aria-hidden="true">{"".join(self._axis())}</div>
<figcaption>{self._caption()}</figcaption>
</figure>
<section aria-labelledby="when">
<h2 id="when">Labels</h2>
<p class="word" id="word"></p>
<ul class="bars" id="bars">
{"".join(self._legend())}</ul>
</section>
<details>
<summary>As a table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Table">
<table>
<thead><tr><th scope="col">From</th><th scope="col">To</th><th scope="col">Answer</th></tr></thead>
<tbody>
{"".join(self._rows())}</tbody>
</table>
</div>
</details>
</main>
<footer>Made by emotion-edge. It shows how a voice sounds to a model, not what a person feels; do not judge people by
it.</footer>
<script type="application/json" id="columns">{self._columns()}</script>
<script>
{_file("page.js")}</script>
</body>
</html>
"""

    def _about(self) -> Iterator[str]:
        yield clock(self._recording.duration_s)
        yield f"model {escape(self._recording.model)}"
        if self._overview.windows_per_column > 1:
            yield f"means over {self._overview.windows_per_column} windows"

    def _wave(self) -> str:
        """The outline of the waveform as one closed path."""
        envelope, column_s = self._recording.envelope, self._recording.column_s
        loudest = max(np.abs([envelope.low, envelope.high]).max(initial=0.0), 1e-3)
        starts = np.arange(0, len(envelope.low), max(1, math.ceil(_FINEST_S / column_s)))
        if not len(starts):
            return ""
        low, high = np.minimum.reduceat(envelope.low, starts), np.maximum.reduceat(envelope.high, starts)
        times_s = (starts * column_s).tolist()
        forth, back = _points(times_s, -high / loudest), _points(times_s[::-1], -low[::-1] / loudest)
        return f'<path d="M{forth}L{back}Z"/>'

    def _ribbons(self) -> Iterator[str]:
        for look, times_s, top, bottom in self._outlines():
            forth, back = _points(times_s, top), _points(times_s[::-1], bottom[::-1])
            yield f'<path d="M{forth}L{back}Z" fill="var(--{look.colour})"/>'

    def _marks(self) -> Iterator[str]:
        """The patterns. They are not in the drawing, which is scaled to the width of the page: patterns must not be."""
        for look, times_s, top, bottom in self._outlines():
            if look.pattern is not None:
                xs = [self._percent(time_s) for time_s in (*times_s, *times_s[::-1])]
                ys = [f"{_number(100 * height)}%" for height in (*top.tolist(), *bottom[::-1].tolist())]
                outline = ",".join(f"{x} {y}" for x, y in zip(xs, ys, strict=True))
                yield f'<span class="marks" data-pattern="{look.pattern}" style="clip-path:polygon({outline})"></span>'

    def _outlines(self) -> Iterator[tuple[Look, list[float], Array, Array]]:
        """Yield the look, times, upper and lower edges of each ribbon in each section of speech; 0 is at the top."""
        for columns in self._overview.speech():
            middles_s = [(column.start_s + column.end_s) / 2 for column in columns]
            times_s = [columns[0].start_s, *middles_s, columns[-1].end_s]
            shares = np.array([column.probabilities for column in (columns[0], *columns, columns[-1])]).T
            tops = 1 - np.cumsum(shares, axis=0)
            for look, share, top in zip(self._looks.values(), shares, tops, strict=True):
                yield look, times_s, top, top + share

    def _strip(self) -> Iterator[str]:
        for run in self._overview.runs():
            look = self._look(run)
            style = f"{self._place(run)};--colour:var(--{look.colour});--on-colour:var(--on-{look.colour})"
            yield f'<span class="{run.status}"{_pattern(look)} style="{style}"><b>{escape(_word(run))}</b></span>'

    def _bars(self, kind: str, runs: Iterator[Run]) -> str:
        return "".join(f'<span class="{kind}" style="{self._place(run)}"></span>' for run in runs)

    def _axis(self) -> Iterator[str]:
        for second in ticks(self._duration_s, most=8):
            kind = ' class="last"' if second > 0.95 * self._duration_s else ""  # it must not stick out
            yield f'<span{kind} style="left:{self._percent(second)}">{clock(second)}</span>'

    def _caption(self) -> str:
        """A summary in a few sentences, also for people who cannot see the picture."""
        shares = [
            f"{escape(_WORDS.get(answer, answer))} {_share(seconds / self._duration_s)}"
            for answer, seconds in sorted(self._overview.seconds.items(), key=lambda each: -each[1])
        ]
        return (
            f"Share of the time: {', '.join(shares)}. The height of a colour is the probability of its label. "
            "Faded and hatched sections are uncertain; gaps have no speech."
        )

    def _legend(self) -> Iterator[str]:
        """The labels in the order of the ribbons, from top to bottom."""
        for label, look in reversed(self._looks.items()):
            yield (
                f'<li{_pattern(look)} style="--colour:var(--{look.colour})"><span class="swatch"></span>'
                f'<span class="name">{escape(label)}</span>'
                '<span class="track"><span class="fill"></span></span><span class="percent"></span></li>\n'
            )

    def _rows(self) -> Iterator[str]:
        for run in self._overview.runs():
            yield f"<tr><td>{clock(run.start_s)}</td><td>{clock(run.end_s)}</td><td>{escape(_word(run))}</td></tr>\n"

    def _columns(self) -> str:
        """Data for the script: the end, status and probabilities of each column, in the order of the legend."""
        columns = [
            [round(column.end_s, _DIGITS), column.status, _reversed(column)] for column in self._overview.columns
        ]
        return json.dumps(columns, separators=(",", ":")).replace("<", "\\u003c")

    def _look(self, run: Run) -> Look:
        if run.status == "ok" and run.label is not None:
            return self._looks[run.label]
        return Look("uncertain" if run.status == "uncertain" else "no-speech", None)

    def _place(self, run: Run) -> str:
        return f"left:{self._percent(run.start_s)};width:{self._percent(run.end_s - run.start_s)}"

    def _percent(self, seconds: float) -> str:
        return f"{_number(100 * seconds / self._duration_s)}%"


def _word(run: Run) -> str:
    return run.label or _WORDS[run.status]


def _pattern(look: Look) -> str:
    """The attribute that gives an element its pattern, if there is one."""
    return "" if look.pattern is None else f' data-pattern="{look.pattern}"'


def _share(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "under 1 %"


def _reversed(column: Column) -> list[float]:
    return [rounded(share) for share in reversed(column.probabilities.tolist())]


def _points(times_s: Sequence[float], heights: Array) -> str:
    pairs = zip(times_s, heights.tolist(), strict=True)
    return "L".join(f"{_number(time)} {_number(height)}" for time, height in pairs)


def _number(value: float) -> str:
    return f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")


def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
