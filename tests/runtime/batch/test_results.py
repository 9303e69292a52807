"""Results files have only whole rows at every moment, and can be resumed."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from some_results import LABELS, answer, failure, silence

from emotion_edge.batch.results import Csv, JsonLines, Results, columns, readable, row
from emotion_edge.errors import ResultsError
from emotion_edge.speech.windows import Windows

FORMS: dict[str, Any] = {"jsonl": JsonLines(), "csv": Csv(LABELS)}

# Names as os.fsdecode returns them for any file on a POSIX file system, with awkward ones more often.
NAMES = st.lists(
    st.sampled_from([b"a", b"\n", b"\r", b'"', b",", b"\xff", b"\xc3\xa9", b"\\", b" "]) | st.binary(max_size=3)
).map(lambda parts: b"".join(parts).replace(b"\0", b"").decode("utf-8", "surrogateescape"))


RESULT = st.sampled_from([answer, silence, failure])


def unique(results):
    """Return the results whose paths stay different in every format."""
    return list({readable(result.path): result for result in results}.values())


def opened(path, form, **options):
    return Results(path, form, **{"model": "mine", "resume": False, **options})


def written(path, form, results, **options):
    file = opened(path, form, **options)
    for result in results:
        if result.path not in file.done:
            file.write(result)
    file.finish()
    file.close()
    return path.read_bytes()


def about(name, start_s, end_s):
    result = answer(name)
    return replace(result, prediction=replace(result.prediction, start_s=start_s, end_s=end_s))


def results_of_file(name, duration_s, windows):
    """Return the results of a file, as `classify` makes them with or without --timeline."""
    if windows is None or windows.window_s >= duration_s:
        return [about(name, 0.0, duration_s)]
    window_s, step_s = windows.window_s, windows.step_s
    regular = [start_s for number in range(100) if (start_s := number * step_s) + window_s <= duration_s]
    starts = [*regular, duration_s - window_s] if regular[-1] + window_s < duration_s else regular
    return [about(name, start_s, start_s + window_s) for start_s in starts]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results"


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(st.lists(st.builds(lambda make, name: make(name), RESULT, NAMES), min_size=1, max_size=6), st.data())
def test_a_file_cut_anywhere_is_resumed(tmp_path_factory, form, results, data):
    results = unique(results)
    path = tmp_path_factory.mktemp("cut") / "results"
    whole = written(path, form, results)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    file = opened(path, form, resume=True)
    file.close()
    kept = [result.path in file.done for result in results]
    assert kept == sorted(kept, reverse=True)  # the first ones
    assert whole.startswith(path.read_bytes())
    assert len(path.read_bytes()) <= max(cut, len(form.header()))
    assert sum(kept) >= sum(
        len(b"".join(map(form.encode, results[: n + 1]))) + len(form.header()) <= cut for n in range(len(results))
    )
    assert written(path, form, results, resume=True) == whole


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(st.lists(st.tuples(NAMES, st.integers(1, 4), st.booleans()), min_size=1, max_size=4), st.data())
def test_several_rows_per_file(tmp_path_factory, form, files, data):
    """Wherever the results file is cut, each recording has all of its rows or none."""
    files = list({readable(name): (name, n, bad) for name, n, bad in files}.values())
    path = tmp_path_factory.mktemp("cut") / "results"
    rows = [[answer(name, start_s) for start_s in range(n)] + [failure(name)] * bad for name, n, bad in files]

    def go(resume):
        file = opened(path, form, resume=resume, windows=Windows(2.0, 1.0))
        for of_file in rows:
            if of_file[0].path not in file.done:
                for result in of_file:
                    file.write(result)
        file.close()
        return path.read_bytes()

    whole = go(False)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    assert go(True) == whole


@given(st.lists(st.builds(lambda make, name: make(name), RESULT, NAMES), max_size=6))
def test_rows_are_read_as_they_were_written(tmp_path_factory, results):
    path = tmp_path_factory.mktemp("read") / "results"
    written(path, FORMS["jsonl"], results)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [result.to_dict() for result in results]
    path.unlink()
    written(path, FORMS["csv"], results)
    with path.open(encoding="utf-8", newline="") as file:
        head, *lines = csv.reader(file)
    assert head == list(columns(LABELS))
    texts = [
        ["" if cell is None else str(cell) for cell in row(result.to_dict(), LABELS).values()] for result in results
    ]
    assert lines == texts


@given(NAMES)
def test_readable_names(name):
    text = readable(name)
    assert text.encode().decode() == text  # no surrogates
    assert readable(text) == text
    if name.isprintable():
        assert text == name


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
class TestRefusals:
    def test_a_file_that_exists(self, path, form):
        written(path, form, [answer("a")])
        before = path.read_bytes()
        with pytest.raises(ResultsError, match="already exists: continue it with --resume"):
            opened(path, form)
        assert path.read_bytes() == before

    def test_resuming_a_missing_file_creates_it(self, path, form):
        assert written(path, form, [answer("a")], resume=True) == form.header() + form.encode(answer("a"))

    def test_another_model(self, path, form):
        written(path, form, [failure("a"), answer("b")])
        with pytest.raises(ResultsError, match="has results of the model mine, but you use yours"):
            opened(path, form, resume=True, model="yours")

    @pytest.mark.parametrize(
        ("held", "asked"),
        [
            (None, Windows(2.0, 1.0)),
            (None, Windows(4.0, 2.0)),
            (Windows(2.0, 1.0), None),
            (Windows(2.0, 1.0), Windows(2.0, 0.5)),
            (Windows(2.0, 1.0), Windows(2.0, 1.5)),
            (Windows(2.0, 1.0), Windows(2.5, 1.0)),
            (Windows(2.0, 1.0), Windows(1.5, 1.0)),
            (Windows(2.0, 0.5), Windows(2.0, 1.0)),
            (Windows(8.0, 1.0), Windows(2.0, 1.0)),
        ],
    )
    def test_results_for_other_windows(self, path, form, held, asked):
        """Results for whole files instead of windows, or the other way round, or for another window length or step."""
        results = [
            about("short", 0.0, 1.0),
            *results_of_file("a", 5.3, held),
            failure("b"),
            *results_of_file("c", 9.0, held),
        ]
        written(path, form, results, windows=held)
        before = path.read_bytes()
        with pytest.raises(ResultsError, match=r"a result for \S+ to \S+ s of \w+, but you asked for (whole|windows)"):
            opened(path, form, resume=True, windows=asked)
        assert path.read_bytes() == before
        opened(path, form, resume=True, windows=held).close()

    @pytest.mark.parametrize(
        "content", ["hello\n" * 3, '{"a": 1}\n', "[]\n", "1\n", '"a\n', "[" * 100_000 + "\n", "no end of line"]
    )
    def test_a_file_that_is_not_a_results_file(self, path, form, content):
        path.write_text(content)
        with pytest.raises(ResultsError, match="cannot be resumed"):
            opened(path, form, resume=True)
        assert path.read_text() == content

    def test_damage_in_the_middle(self, path, form):
        whole = written(path, form, [answer("a"), answer("b"), answer("c")])
        damaged = whole.replace(form.encode(answer("b")), b"\xff\xfe\n")
        path.write_bytes(damaged)
        with pytest.raises(ResultsError, match="is not a result"):
            opened(path, form, resume=True)
        assert path.read_bytes() == damaged

    def test_a_tail_of_zeros(self, path, form):
        """A power cut may leave this."""
        whole = written(path, form, [answer("a"), answer("b")])
        path.write_bytes(whole + bytes(4096))
        file = opened(path, form, resume=True)
        file.close()
        assert path.read_bytes() == whole
        assert "b" in file.done

    def test_a_folder_and_a_path_in_a_missing_folder(self, path, form):
        path.mkdir()
        for place, resume in ((path, True), (path / "none" / "results", False)):
            with pytest.raises(ResultsError, match=r"cannot be written: (Is a directory|No such file)"):
                opened(place, form, resume=resume)

    @pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
    def test_two_processes_cannot_write_at_once(self, path, form):
        first = opened(path, form)
        first.write(answer("a"))
        with pytest.raises(ResultsError, match="is being written by another process"):
            opened(path, form, resume=True)
        first.write(answer("b"))
        first.close()
        assert path.read_bytes() == b"".join([form.header(), *map(form.encode, (answer("a"), answer("b")))])


def test_columns_of_another_model(path):
    written(path, Csv(("happy", "sad")), [failure("a")])
    with pytest.raises(ResultsError, match=r"its columns are path, .* wanted path, .*probability_calm"):
        opened(path, FORMS["csv"], resume=True)


FULL = """
import resource, sys
from dataclasses import replace
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from some_results import answer
from test_results import FORMS, opened
form, limit = FORMS[sys.argv[1]], int(sys.argv[2])
file = opened(Path("results"), form)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    for n in range(1000):
        file.write(answer(f"{n}.wav"))
except Exception as error:
    print(type(error).__name__, error, n)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the file size")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("limit", [1000, 1001, 1100, 1200, 4096])
def test_a_full_disk_leaves_whole_rows(tmp_path, form, limit):
    done = subprocess.run(
        [sys.executable, "-c", FULL, form, str(limit), str(ROOT / "tests"), str(Path(__file__).parent)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    kind, *text, n_written = done.stdout.split()
    assert (kind, " ".join(text)) == ("ResultsError", "results cannot be written: File too large")
    rows = [FORMS[form].encode(answer(f"{n}.wav")) for n in range(int(n_written))]
    assert (tmp_path / "results").read_bytes() == b"".join([FORMS[form].header(), *rows])
    assert limit - 300 < (tmp_path / "results").stat().st_size <= limit
