"""`emotion-edge timeline`: each format is read back by another program, and no file is lost when something fails."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import sys
import tracemalloc
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_labels import SHORT, labelled
from sounds import spoken, write

from emotion_edge import AudioError, EmotionClassifier, palette
from emotion_edge.audio import files as audio
from emotion_edge.audio.files import read_blocks
from emotion_edge.cli.main import main
from emotion_edge.prediction import Prediction
from emotion_edge.speech.windows import Windows
from emotion_edge.timeline_files import recording
from emotion_edge.timeline_files.envelope import Envelope
from emotion_edge.timeline_files.overview import Overview
from emotion_edge.timeline_files.recording import Recording
from emotion_edge.timeline_files.sections import runs, sections
from emotion_edge.timeline_files.time_axis import clock, ticks
from emotion_edge.timeline_files.writing import SUFFIXES
from emotion_edge.timeline_files.writing import write as write_file
from emotion_edge.timelines import timeline

RATE = 16000


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """A pause, a sentence that the model is sure about, a pause, one that it is not, a pause; about 15 s."""
    pause = (1e-4 * np.random.default_rng(0).standard_normal(3 * RATE)).astype(np.float32)
    sound = np.concatenate([pause, spoken(1, rate=RATE), pause, spoken(0, rate=RATE), pause])
    return write(tmp_path_factory.mktemp("talk") / "talk.wav", sound, RATE)


@pytest.fixture(scope="module")
def windows(talk):
    """The expected answers about it."""
    found = list(timeline(talk))
    assert {window.status for window in found} == {"ok", "uncertain", "no_speech"}
    return found


@pytest.fixture
def made(talk, tmp_path, capsys):
    """A function that makes a file with a suffix."""

    def make(suffix, *options):
        out = tmp_path / f"out{suffix}"
        assert main(["timeline", str(talk), "-o", str(out), *options]) == 0
        printed = capsys.readouterr()
        assert printed.out == ""
        summary = rf"{re.escape(str(talk))}, 0:00:1\d(\.\d)?, \d+ windows: {re.escape(str(out))}\n"
        assert re.fullmatch(summary, printed.err)
        assert list(tmp_path.iterdir()) == [out]
        return out

    return make


def moments_of(windows):
    """The middle of each section, and the answer about it: between the middles of neighbouring windows, it changes."""
    return [((part.start_s + part.end_s) / 2, part.prediction) for part in sections(windows)]


def test_json(made, talk, windows):
    content = json.loads(made(".json").read_text())
    assert content.keys() == {"file", "model", "labels", "windows", "duration_s"}
    assert (content["file"], content["model"]) == (str(talk), "five-emotions")
    assert content["labels"] == list(EmotionClassifier().recipe.labels)
    assert content["duration_s"] == pytest.approx(windows[-1].end_s, abs=0.1)
    assert [{**entry, "model": "five-emotions"} for entry in content["windows"]] == [each.to_dict() for each in windows]


def test_csv(made, windows):
    with made(".csv", "--window", "2.5").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["status"], row["label"], float(row["end_s"])) for row in rows] == [
        (window.status, window.label or "", pytest.approx(window.end_s)) for window in windows
    ]
    for row, window in zip(rows, windows, strict=True):
        for label, share in window.probabilities.items():
            assert float(row[f"probability_{label}"]) == pytest.approx(share, abs=1e-6)


def test_windows_are_chosen(made):
    content = json.loads(made(".json", "--window", "1", "--step", "1").read_text())
    assert {round(window["end_s"] - window["start_s"], 3) for window in content["windows"]} == {1.0}
    assert content["windows"][1]["start_s"] == 1.0


def read_vtt(text):
    """The cues as (start, end, payload), checked strictly against the standard."""
    head, *blocks = text.removesuffix("\n").split("\n\n")
    assert head.rstrip("\n") == "WEBVTT"
    cues = []
    for block in blocks:
        timing, payload = block.split("\n")
        times = re.fullmatch(r"(\d{2,}):([0-5]\d):([0-5]\d\.\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d\.\d{3})", timing)
        start_s, end_s = (
            3600 * int(hours) + 60 * int(minutes) + float(seconds)
            for hours, minutes, seconds in (times.groups()[:3], times.groups()[3:])
        )
        assert start_s < end_s
        assert "-->" not in payload
        assert not re.search(r"<|&(?!amp;|lt;|gt;)", payload)
        cues.append((start_s, end_s, payload.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))
    return cues


def read_labels(text):
    """The format that Audacity reads: start, end and label between tabs."""
    lines = [line.split("\t") for line in text.splitlines()]
    return [(float(start_s), float(end_s), label) for start_s, end_s, label in lines]


@pytest.mark.parametrize(("suffix", "read"), [(".vtt", read_vtt), (".txt", read_labels)])
def test_captions(made, windows, suffix, read):
    cues = read(made(suffix).read_text(encoding="utf-8"))
    for (_, end_s, one), (start_s, _, other) in itertools.pairwise(cues):
        assert end_s < start_s or (end_s == start_s and one != other), "they overlap, or are not merged"
    for at_s, window in moments_of(windows):
        payloads = [payload for start_s, end_s, payload in cues if start_s <= at_s < end_s]
        words = {"ok": [window.label], "uncertain": [f"uncertain ({window.label})"], "no_speech": []}
        assert payloads == words[window.status]


@pytest.fixture
def columns(made, windows):
    """The window of each moment, and the column of pixels there in a picture, shape (height, 3)."""
    from emotion_edge.timeline_files.picture import _LEFT, _RIGHT

    picture = np.asarray(pytest.importorskip("PIL.Image").open(made(".png")).convert("RGB"))
    parts_of_width = [
        (at_s / windows[-1].end_s * (_RIGHT - _LEFT) + _LEFT, window) for at_s, window in moments_of(windows)
    ]
    return [(window, picture[:, round(part * picture.shape[1])]) for part, window in parts_of_width]


def test_a_picture_shows_the_answers(columns):
    codes = {name: [int(palette.LIGHT[name][at : at + 2], 16) for at in (1, 3, 5)] for name in palette.KNOWN.values()}
    for window, column in columns:
        shares = {name: (column == code).all(axis=1).mean() for name, code in codes.items()}
        ink = (column[len(column) // 3 :] < 200).any(axis=1).mean()  # below the waveform
        if window.status == "ok":
            assert shares[window.label] == max(shares.values()) > 0.25
        elif window.status == "uncertain":  # faded and hatched
            assert sum(shares.values()) < 0.03
            assert ink > 0.4
        else:
            assert sum(shares.values()) == 0
            assert ink < 0.1


def test_vector_pictures(made):
    texts = {element.text for element in ElementTree.parse(made(".svg")).iter() if element.text}
    assert {"talk.wav", "neutral", "uncertain", "no speech", "0:00:10"} <= {text.strip() for text in texts}


def test_pdf(made):
    assert made(".pdf").read_bytes()[:5] == b"%PDF-"


class Page(HTMLParser):
    """The files that a page loads, its drawn lines, its texts by element, and the rows of its table."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.outlines, self.rows, self.texts, self.open = [], [], [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.outlines += [value for name, value in attributes if name == "d"]
        self.loads += [value for name, value in attributes if name in ("src", "href")]
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        self.open.remove(tag)

    def handle_data(self, data):
        tag = self.open[-1] if self.open else ""
        self.texts.setdefault(tag, []).append(data)
        if tag == "td":
            self.rows[-1].append(data)


def test_a_page_has_the_same_answers_as_text(made, windows):
    page = Page(made(".html").read_text(encoding="utf-8"))
    assert page.loads == []
    assert page.texts["h1"] == ["talk.wav"]
    (outline,) = [path for path in page.outlines if path.endswith("Z") and path.count("L") > 400]
    assert outline.count("L") < 2 * 100 * windows[-1].end_s, "speech could be recovered from it"
    rows = [
        [sum(float(part) * 60**power for power, part in enumerate(reversed(cell.split(":")))) for cell in row[:2]]
        + row[2:]
        for row in page.rows[1:]
    ]
    for at_s, window in moments_of(windows):
        (answer,) = [word for start_s, end_s, word in rows if start_s - 0.05 <= at_s < end_s - 0.05]
        assert answer == (window.label if window.status == "ok" else window.status.replace("_", " "))
    shares = dict(re.findall(r"(\w[\w ]*?) (\d+) %", page.texts["figcaption"][0].removeprefix("Share of the time: ")))
    silent = sum(part.end_s - part.start_s for part in sections(windows) if part.prediction.status == "no_speech")
    assert int(shares["no speech"]) == pytest.approx(100 * silent / windows[-1].end_s, abs=1)


def test_other_suffixes_are_refused(talk, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["timeline", str(talk), "-o", str(tmp_path / "talk.mp4")])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert all(suffix in message for suffix in SUFFIXES)
    assert "talk.mp4" in message


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_leaves_the_old_file(talk, tmp_path, capsys, suffix):
    """The recording is damaged after some windows: then there is no file, or still the one from before."""
    sound = np.tile(spoken(1, rate=RATE), 2)
    sound[-100] = np.nan
    broken = write(tmp_path / "sounds" / "broken.wav", sound, RATE, subtype="FLOAT")
    out = tmp_path / "out" / f"out{suffix}"
    out.parent.mkdir()
    assert main(["timeline", str(broken), "-o", str(out)]) == 1
    assert list(out.parent.iterdir()) == []
    out.write_text("before")
    assert main(["timeline", str(broken), "-o", str(out)]) == 1
    assert out.read_text() == "before"
    assert list(out.parent.iterdir()) == [out]
    messages = capsys.readouterr().err.splitlines()
    assert len(messages) == 2
    assert all("is nan, wanted finite numbers" in line for line in messages)
    if suffix == ".txt":
        assert main(["timeline", str(talk), "-o", str(out)]) == 0
        assert "neutral" in out.read_text()


@pytest.mark.parametrize(
    ("name", "reason"), [("no/out.csv", "No such file or directory"), ("out.json", "it is a folder")]
)
def test_a_file_that_cannot_be_written_is_reported_before_the_recording_is_read(tmp_path, capsys, name, reason):
    (tmp_path / "out.json").mkdir()
    out = tmp_path / name
    unread = write(tmp_path / "unread.wav", np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    assert main(["timeline", str(unread), "-o", str(out)]) == 1
    assert capsys.readouterr().err == f"emotion-edge: {out} cannot be written: {reason}\n"


def test_without_matplotlib_the_message_says_what_to_install(talk, tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["timeline", str(talk), "-o", str(tmp_path / "out.png")]) == 1
    message = capsys.readouterr().err
    assert "pip install 'emotion-edge[plot]'" in message
    assert len(message.splitlines()) == 1
    assert main(["timeline", str(talk), "-o", str(tmp_path / "out.html")]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]


def test_more_than_an_hour_is_read(talk, tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "_LONGEST_S", 2.0)
    with pytest.raises(AudioError, match="is longer than 2 s"):
        list(read_blocks(talk, sample_rate_hz=RATE))
    assert main(["timeline", str(talk), "-o", str(tmp_path / "out.txt")]) == 0


def test_standard_input(talk, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(talk.read_bytes())))
    assert main(["timeline", "-", "-o", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["file"] == "standard input"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_on_a_terminal(talk, tmp_path, monkeypatch):
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    assert main(["timeline", str(talk), "-o", str(tmp_path / "out.txt")]) == 0
    assert " 0 % |" in shown.getvalue()
    assert shown.getvalue().endswith("out.txt\n")


# The tests below need no model: they use invented windows.

LABELS = ("angry", "<b>&", "c --> d\te", "sad")


def fake(monkeypatch, windows, blocks=()):
    """A recording with these windows."""
    monkeypatch.setattr(recording, "answered", lambda _, blocks, __: _fake_windows(blocks, windows))
    classifier: Any = SimpleNamespace(recipe=SimpleNamespace(name="<m>", labels=LABELS), sample_rate_hz=1000)
    return Recording("a$b$ <x>.wav", classifier, blocks, Windows(2.0, 0.5))


def _fake_windows(blocks, windows):
    for _ in blocks:
        yield from itertools.islice(windows, 2)
    yield from windows


def window(number, status="ok", best=0):
    shares = np.full(len(LABELS), 0.1)
    shares[best] = 0.7
    silent = status == "no_speech"
    return Prediction(
        None if silent else LABELS[best],
        0.0 if silent else 0.7,
        {} if silent else dict(zip(LABELS, shares.tolist(), strict=True)),
        status,
        0.5 * number,
        0.5 * number + 2,
        "<m>",
    )


ANSWERS = st.lists(st.tuples(st.sampled_from(["ok", "uncertain", "no_speech"]), st.integers(0, 3)), max_size=60)


@given(ANSWERS)
def test_runs(answers):
    windows = [window(number, *each) for number, each in enumerate(answers)]
    parts = list(sections(windows))
    together = list(runs(parts))
    assert [part.prediction for part in parts] == windows
    for before, after in itertools.pairwise(together):
        assert before.end_s == after.start_s
        assert (before.status, before.label) != (after.status, after.label)
    for part in parts:
        (run,) = [run for run in together if run.start_s <= part.start_s < run.end_s]
        assert part.end_s <= run.end_s
        assert (run.status, run.label) == (part.prediction.status, part.prediction.label)
    if windows:
        assert (together[0].start_s, together[-1].end_s) == (0, windows[-1].end_s)


@given(ANSWERS, st.integers(1, 8))
def test_an_overview_keeps_the_answers(answers, half):
    windows = [window(number, *each) for number, each in enumerate(answers)]
    overview = Overview(LABELS, 2 * half)
    for part in sections(windows):
        overview.process(part)
    n_merged = overview.windows_per_column
    assert len(overview.columns) <= 2 * half
    for before, after in itertools.pairwise(overview.columns):
        assert before.end_s == after.start_s
    for number, column in enumerate(overview.columns):
        own = windows[number * n_merged : (number + 1) * n_merged]
        statuses = [each.status for each in own]
        assert (column.n_ok, column.n_uncertain, column.n_no_speech) == tuple(
            statuses.count(status) for status in ("ok", "uncertain", "no_speech")
        )
        spoken_ones = [list(each.probabilities.values()) for each in own if each.probabilities]
        assert column.probabilities == pytest.approx(np.mean(spoken_ones, axis=0) if spoken_ones else np.zeros(4))
        assert statuses.count(column.status) > 0
    assert sum(overview.seconds.values()) == pytest.approx(windows[-1].end_s if windows else 0)


@given(
    cuts=st.lists(st.integers(0, 300), min_size=1, max_size=12),
    most=st.integers(1, 40),
    seed=st.integers(0, 100),
)
def test_an_envelope_does_not_depend_on_the_size_of_blocks(cuts, most, seed):
    sound = np.random.default_rng(seed).standard_normal(sum(cuts)).astype(np.float32)
    envelope = Envelope(most)
    for block in np.split(sound, np.cumsum(cuts)[:-1]):
        envelope.process(block)
    columns = [sound[at : at + envelope.column_length] for at in range(0, len(sound), envelope.column_length)]
    assert envelope.low.tolist() == [column.min() for column in columns]
    assert envelope.high.tolist() == [column.max() for column in columns]
    assert len(columns) <= most
    assert envelope.column_length == 1 or len(sound) > most * envelope.column_length / 2


@given(st.floats(0.01, 1e6), st.integers(2, 20))
def test_ticks_are_round_and_few(duration_s, most):
    at_s = ticks(duration_s, most=most)
    assert at_s[0] == 0
    assert len(at_s) <= most
    assert at_s[-1] <= duration_s * (1 + 1e-6)
    assert len({clock(second) for second in at_s}) == len(at_s)


def test_clock():
    assert [clock(second) for second in (0, 0.25, 59.96, 3599, 36000)] == [
        "0:00:00", "0:00:00.2", "0:01:00", "0:59:59", "10:00:00",
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", [".vtt", ".txt", ".html", ".svg", ".csv"])
def test_names_with_special_characters(monkeypatch, tmp_path, suffix):
    windows = [window(number, "ok", number // 20) for number in range(80)]
    write_file(fake(monkeypatch, iter(windows)), tmp_path / f"out{suffix}")
    text = (tmp_path / f"out{suffix}").read_text(encoding="utf-8")
    if suffix == ".vtt":
        assert [cue[2] for cue in read_vtt(text)] == ["angry", "<b>&", "c --> d e", "sad"]
    elif suffix == ".txt":
        assert [cue[2] for cue in read_labels(text)] == ["angry", "<b>&", "c --> d e", "sad"]
    elif suffix == ".html":
        page = Page(text)
        assert [row[2] for row in page.rows[1:]] == list(LABELS)
        assert page.texts["h1"] == ["a$b$ <x>.wav"]
    elif suffix == ".svg":
        texts = [element.text for element in ElementTree.fromstring(text).iter() if element.text]
        assert "a$b$ <x>.wav" in texts
        assert "<b>&" in texts
    else:
        assert {row["label"] for row in csv.DictReader(io.StringIO(text, newline=""))} == set(LABELS)


@pytest.mark.parametrize("suffix", [".html", ".json", ".csv", ".vtt"])
@pytest.mark.slow
def test_hours_need_no_more_memory_than_minutes(monkeypatch, tmp_path, suffix):
    second = np.sin(np.arange(1000)).astype(np.float32)

    def peak(minutes):
        n_windows = 120 * minutes
        windows = (
            window(n, ("ok", "ok", "uncertain", "no_speech")[n // 40 % 4], n // 90 % 4) for n in range(n_windows)
        )
        recorded = fake(monkeypatch, windows, (second for _ in range(60 * minutes)))
        tracemalloc.start()
        write_file(recorded, tmp_path / f"out{suffix}")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert recorded.duration_s == 60 * minutes
        assert recorded.n_windows == n_windows
        return most

    peak(5)
    # The outline has 2049 to 4096 columns, and the garbage collector may run late; 150 minutes of windows are 7 MB.
    assert peak(180) < 2 * peak(30) + 100_000


def test_labels_without_a_colour_of_their_own_take_turns():
    labels = ["odd", *palette.KNOWN, "even", "third", "fourth"]
    expected = {label: (colour, None) for label, colour in palette.KNOWN.items()} | {
        "odd": (palette.OTHERS[0], 1),
        "even": (palette.OTHERS[1], 2),
        "third": (palette.OTHERS[2], 3),
        "fourth": (palette.OTHERS[0], 4),
    }
    assert palette.looks(labels) == expected
    assert {look.colour for look in palette.looks(labels).values()} <= palette.LIGHT.keys() == palette.DARK.keys()


def test_no_two_labels_look_alike():
    labels = ["angry", "fear", "happy", "neutral", "sad", *(f"own {number}" for number in range(42))]
    found = palette.looks(labels)
    assert list(found) == labels
    assert len(set(found.values())) == len(labels)
    assert len({found[label].pattern for label in labels[5:19]}) == 14, "some could be told apart by colour alone"


def drawn(monkeypatch, *args, **options):
    """A picture in the memory of matplotlib, and a renderer that measures it."""
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from emotion_edge.timeline_files import picture

    recorded = labelled(monkeypatch, *args, **options)
    overview = recorded.overview()
    with picture._style():
        figure = picture._Picture(recorded, overview).figure
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return figure, canvas.get_renderer()


def legend(figure):
    (found,) = [axes.get_legend() for axes in figure.axes if axes.get_legend() is not None]
    return found


@pytest.mark.parametrize("n_labels", [2, 5, 12, 14])
def test_labels_in_a_legend_look_different(monkeypatch, n_labels):
    figure, _ = drawn(monkeypatch, SHORT[:n_labels])
    names = [" ".join(text.get_text().split()) for text in legend(figure).get_texts()]
    assert names == [*reversed(SHORT[:n_labels]), "uncertain", "no speech"]
    patches = legend(figure).get_patches()
    assert len({(patch.get_facecolor(), patch.get_hatch(), patch.get_edgecolor()) for patch in patches}) == len(names)
    ribbons = [area for axes in figure.axes for area in axes.collections if area.get_hatch()]
    in_legend = {(patch.get_facecolor(), patch.get_hatch()) for patch in patches[:n_labels]}
    assert in_legend <= {
        (tuple(area.get_facecolor()[0]), area.get_hatch()) for area in ribbons if len(area.get_facecolor())
    }


NAMES = {
    "short": SHORT + tuple(f"more {number}" for number in range(50)),
    "sentences": tuple(f"{number} is a name of many words up to its very end".ljust(100, ".") for number in range(64)),
    "wide": tuple("W" * (100 - number) for number in range(64)),
    "narrow": tuple("I" * (100 - number) for number in range(64)),
    "odd": ("_hidden", "two\nlines", "a\tb", "$x^2$", *(f"_{number}_{'m' * 50}" for number in range(60))),
}  # fmt: skip


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("n_labels", [2, 5, 10, 14, 15, 16, 64])
@pytest.mark.slow
def test_no_text_leaves_the_picture(monkeypatch, names, n_labels):
    figure, renderer = drawn(monkeypatch, NAMES[names][:n_labels], name="M" * 250 + ".wav", model="W" * 100)
    texts = [*figure.texts, *legend(figure).get_texts()]
    for axes in figure.axes:
        texts += [*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels()]
    for text in texts:
        box = text.get_window_extent(renderer)
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
    title = min(text.get_window_extent(renderer).y0 for text in figure.texts)
    boxes = [text.get_window_extent(renderer) for text in legend(figure).get_texts()]
    assert boxes[0].y1 < title
    for above, below in itertools.pairwise(boxes):
        assert above.y0 > below.y1
    assert len(boxes) == 2 + min(n_labels, 15)


def test_a_legend_of_many_labels_shows_the_most_likely(monkeypatch):
    labels = [f"label {number}" for number in range(30)]
    figure, _ = drawn(monkeypatch, labels)
    names = [text.get_text() for text in legend(figure).get_texts()]
    assert names[-3:] == ["and 16 more", "uncertain", "no speech"]
    assert [label for label in reversed(labels) if label in names] == names[:14]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=100), st.floats(20, 300))
@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")
def test_shortened_names_fit_and_keep_their_ends(text, room_pt):
    pytest.importorskip("matplotlib")
    from emotion_edge.timeline_files.lettering import on_one_line, shortened, width_pt, wrapped

    line = on_one_line(text)
    if not line:
        return
    short = shortened(line, room_pt, 9)
    assert width_pt(short, 9) <= room_pt
    assert short == line or (line.startswith(short.split("…")[0]) and line.endswith(short.rsplit("…", 1)[1]))
    lines = wrapped(line, room_pt, 9).split("\n")
    assert len(lines) <= 2
    assert all(width_pt(each, 9) <= room_pt for each in lines)
