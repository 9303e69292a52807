"""A timeline as a picture, drawn by matplotlib: the waveform, the share of each emotion, and the answers."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np

from ..batch.results import readable
from ..errors import ResultsError
from ..palette import LIGHT, N_PATTERNS, Look, looks
from .direct_labels import direct_labels
from .lettering import on_one_line, shortened, width_pt, wrapped
from .overview import Overview
from .recording import Recording
from .sections import Run
from .time_axis import clock, ticks

_SIZE_IN: Final = (12.0, 4.7)
_DPI: Final = 150
_LEFT, _RIGHT = 0.045, 0.875  # the edges of the panels, as shares of the width; the legend is to their right
_TEXT_PT: Final = 9
_STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.size": _TEXT_PT,
    "hatch.linewidth": 0.7,
    "text.parse_math": False,  # a name may contain a $
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
}
_FONT_PT: Final = 8.5
_AROUND_PT: Final = 3.0  # the smallest margin around a name, both sides together
# The room for the title lines and for a name in the legend, with some reserve: hinting makes some letters wider.
_TITLE_PT: Final = 790.0
_LEGEND_PT: Final = 70.0
_LEGEND_LINES: Final = 17  # how many lines fit below each other
_VISIBLE: Final = 0.02  # a share that is thick enough for a line along it
_DOUBT: Final = Look("track", None)  # the background of uncertain sections
_SILENCE: Final = Look("no-speech", None)
# The marks of the patterns, the same kinds as on pages.
_HATCHES: Final = ("...", "xxx", "---", "|||", "oo", "\\\\\\", "++")


def picture_writer(form: str) -> Callable[[Recording, Path], None]:
    """The function that draws a `png`, `svg` or `pdf`.

    Raises:
        ResultsError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ResultsError(
            f"a picture needs matplotlib ({error}): pip install 'emotion-edge[plot]', or make a page, .html"
        ) from error

    def write(recording: Recording, path: Path) -> None:
        overview = recording.overview()
        with _style():
            _Picture(recording, overview).figure.savefig(path, format=form)

    return write


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a box replaces a letter that no font has
        yield


class _Picture:
    """Three panels over one time axis.

    Attributes:
        figure: the matplotlib figure.
    """

    def __init__(self, recording: Recording, overview: Overview) -> None:
        from matplotlib.figure import Figure

        self._recording, self._overview = recording, overview
        self._colours: Final = LIGHT
        self._looks: Final = looks(overview.labels)
        self._duration_s: Final = max(recording.duration_s, 1e-3)
        self.figure: Final = Figure(figsize=_SIZE_IN, dpi=_DPI, facecolor="white")
        grid = self.figure.add_gridspec(
            3, 1, height_ratios=(1, 2.6, 0.42), hspace=0.09, left=_LEFT, right=_RIGHT, top=0.86, bottom=0.075
        )
        wave, ribbons, strip = (self.figure.add_subplot(grid[row]) for row in range(3))
        self._draw_title()
        self._draw_wave(wave)
        self._draw_ribbons(ribbons)
        self._draw_strip(strip)
        self._draw_legend(ribbons)
        self._draw_axis(wave, ribbons, strip)

    @property
    def _point_s(self) -> float:
        """The width of a typographic point on the time axis, in seconds."""
        return self._duration_s / ((_RIGHT - _LEFT) * _SIZE_IN[0] * 72)

    @property
    def _line_pt(self) -> float:
        """The thickness of the lines between ribbons: very thin where columns are narrow."""
        column_pt = self._duration_s / max(1, len(self._overview.columns)) / self._point_s
        return min(0.7, column_pt / 8)

    def _draw_title(self) -> None:
        recording = self._recording
        name = on_one_line(readable(PurePath(recording.path).name or recording.path))
        about = [clock(recording.duration_s), f"model {on_one_line(recording.model)}"]
        if self._overview.windows_per_column > 1:
            about.append(f"means over {self._overview.windows_per_column} windows")
        title, below = shortened(name, _TITLE_PT, 13, "bold"), shortened("   ·   ".join(about), _TITLE_PT, _TEXT_PT)
        self.figure.text(_LEFT, 0.965, title, size=13, weight="bold", color=self._colours["ink"], va="top")
        self.figure.text(_LEFT, 0.9, below, color=self._colours["soft"], va="center")

    def _draw_wave(self, panel: Any) -> None:
        envelope = self._recording.envelope
        starts_s = np.arange(len(envelope.low)) * self._recording.column_s
        loudest = max(np.abs([envelope.low, envelope.high]).max(initial=0.0), 1e-3)
        spoken = np.zeros(len(starts_s), bool)
        for columns in self._overview.speech():
            spoken |= (starts_s >= columns[0].start_s) & (starts_s < columns[-1].end_s)
        for where, colour in ((~spoken, "no-speech"), (spoken, "soft")):
            low, high = (np.where(where, side, np.nan) / loudest for side in (envelope.low, envelope.high))
            panel.fill_between(starts_s, low, high, color=self._colours[colour], linewidth=0.5, zorder=2)
        panel.set_ylim(-1.05, 1.05)
        panel.set_yticks([])

    def _draw_ribbons(self, panel: Any) -> None:
        for columns in self._overview.speech():
            middles_s = [(column.start_s + column.end_s) / 2 for column in columns]
            times_s = np.array([columns[0].start_s, *middles_s, columns[-1].end_s])
            shares = np.array([column.probabilities for column in (columns[0], *columns, columns[-1])]).T
            for label, share, top in zip(self._overview.labels, shares, np.cumsum(shares, axis=0), strict=True):
                self._draw_ribbon(panel, label, times_s, share, top)
        doubts = [_bar(run) for run in self._overview.runs() if run.status == "uncertain"]
        panel.broken_barh(doubts, (0, 1), facecolor="white", alpha=0.55, linewidth=0, zorder=3)
        panel.broken_barh(
            doubts, (0, 1), facecolor="none", edgecolor=self._colours["soft"], hatch="////", linewidth=0, zorder=4
        )
        widths_s = {label: self._width_s(label) for label in self._overview.labels}
        for place in direct_labels(self._overview, widths_s=widths_s, least_share=0.13):
            self._write(panel, place.at_s, place.height, place.label, self._looks[place.label])
        panel.set_ylim(0, 1)
        panel.set_yticks([0, 0.5, 1], ["0", "50", "100 %"])

    def _draw_ribbon(self, panel: Any, label: str, times_s: Any, share: Any, top: Any) -> None:
        panel.fill_between(times_s, top - share, top, linewidth=0, **self._filling(self._looks[label]))
        panel.plot(times_s, np.where(share > _VISIBLE, top, np.nan), color="white", linewidth=self._line_pt)

    def _draw_strip(self, panel: Any) -> None:
        bars = defaultdict(list)
        for run in self._overview.runs():
            look = self._look(run)
            if run.status != "no_speech":
                bars[look].append(_bar(run))
            word = run.label or run.status.replace("_", " ")
            if self._width_s(word) < run.end_s - run.start_s:
                self._write(panel, (run.start_s + run.end_s) / 2, 0.47, word, look)
        for look, places in bars.items():
            panel.broken_barh(places, (0, 1), linewidth=0, zorder=3, **self._filling(look))
        panel.set_ylim(0, 1)
        panel.set_yticks([])

    def _look(self, run: Run) -> Look:
        if run.label is None:
            return _DOUBT if run.status == "uncertain" else _SILENCE
        return self._looks[run.label]

    def _filling(self, look: Look, doubt: str = "////") -> dict[str, Any]:
        """The arguments with which matplotlib fills an area in this look."""
        ground = self._colours[look.colour]
        if look == _DOUBT:
            return {"facecolor": ground, "edgecolor": self._colours["soft"], "hatch": doubt}
        if look.pattern is None:
            return {"facecolor": ground, "edgecolor": "white"}
        dark = look.pattern > N_PATTERNS // 2
        marks = self._colours["ink" if dark else "card"]
        return {"facecolor": ground, "edgecolor": marks, "hatch": _HATCHES[(look.pattern - 1) % len(_HATCHES)]}

    def _width_s(self, name: str) -> float:
        """The width of a name on the time axis, in seconds."""
        return (width_pt(on_one_line(name), _FONT_PT) + _AROUND_PT) * self._point_s

    def _write(self, panel: Any, at_s: float, height: float, text: str, look: Look) -> None:
        """Write text on a background of this look; the hatching stops around it."""
        on_colour = {_SILENCE: "soft", _DOUBT: "ink"}.get(look, f"on-{look.colour}")
        hatched = look == _DOUBT or look.pattern is not None
        panel.text(
            at_s,
            height,
            on_one_line(text),
            color=self._colours[on_colour],
            size=_FONT_PT,
            ha="center",
            va="center",
            bbox={"facecolor": self._colours[look.colour], "linewidth": 0, "pad": 1.5} if hatched else None,
            zorder=5,
        )

    def _draw_legend(self, panel: Any) -> None:
        """Draw the legend in the order of the ribbons, from top to bottom."""
        from matplotlib.patches import Patch

        names = self._legend_names()
        n_lines = 2 + sum(1 + name.count("\n") for name in names.values())
        patches = [
            Patch(linewidth=0, label=name, **self._filling(self._looks[label]))
            for label, name in reversed(names.items())
        ]
        if n_left_out := len(self._looks) - len(names):
            patches.append(Patch(facecolor="none", linewidth=0, label=f"and {n_left_out} more"))
        patches.append(Patch(linewidth=0, label="uncertain", **self._filling(_DOUBT, "/////")))
        patches.append(Patch(facecolor="white", edgecolor=self._colours["no-speech"], linewidth=0.8, label="no speech"))
        panel.legend(
            handles=patches,
            loc="center left",
            bbox_to_anchor=(1.005, 0.5),
            frameon=False,
            handlelength=1.3,
            handleheight=1.3,
            labelspacing=0.55 if n_lines <= 12 else 0.3,
            labelcolor=self._colours["ink"],
        )

    def _legend_names(self) -> dict[str, str]:
        """The text of each label in the legend: two lines only if there is room; of many labels, the likeliest."""
        room = _LEGEND_LINES - 2  # `uncertain` and `no speech`
        labels = self._overview.labels
        if len(labels) > room:
            labels = tuple(self._overview.likeliest(room - 1))
        names = {label: wrapped(on_one_line(label), _LEGEND_PT, _TEXT_PT) for label in labels}
        if len(names) + sum(name.count("\n") for name in names.values()) > room:
            names = {label: shortened(on_one_line(label), _LEGEND_PT, _TEXT_PT) for label in labels}
        return names

    def _draw_axis(self, *panels: Any) -> None:
        at_s = ticks(self._duration_s, most=10)
        for panel in panels:
            panel.set_xlim(0, self._duration_s)
            panel.set_xticks(at_s, [clock(second) for second in at_s] if panel is panels[-1] else [])
            panel.tick_params(length=0, colors=self._colours["soft"], pad=5)
            panel.spines[:].set_visible(False)
            panel.grid(axis="x", color=self._colours["line"], linewidth=0.7, zorder=0)
            panel.set_axisbelow(True)


def _bar(run: Run) -> tuple[float, float]:
    """The start and the length of a bar, in seconds."""
    return run.start_s, run.end_s - run.start_s
