"""Results as Parquet tables. Needs pyarrow."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from some_results import LABELS, answer, failure, silence

from emotion_edge.batch import parquet
from emotion_edge.batch.results import columns, row
from emotion_edge.errors import ResultsError
from emotion_edge.speech.windows import Windows

pyarrow_parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install 'emotion-edge[parquet]'")

RESULTS = [answer("a.wav"), silence("b\n.wav"), failure("c.wav"), answer("d\udcff.wav"), answer("e.wav")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.parquet"


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    monkeypatch.setattr(parquet, "_ROWS_PER_GROUP", 2)


def opened(path, **options):
    return parquet.ParquetResults(path, LABELS, **{"model": "mine", "resume": False, **options})


def written(path, results, *, finish=True, **options):
    file = opened(path, **options)
    for result in results:
        if result.path not in file.done:
            file.write(result)
    if finish:
        file.finish()
    file.close()


def table(path):
    return pyarrow_parquet.read_table(path).to_pylist()


def rows(results):
    return [row(result.to_dict(), LABELS) for result in results]


def test_a_table_has_all_rows(path):
    written(path, RESULTS)
    assert table(path) == rows(RESULTS)
    assert pyarrow_parquet.ParquetFile(path).num_row_groups == math.ceil(len(RESULTS) / 2)
    assert pyarrow_parquet.read_schema(path).names == list(columns(LABELS))
    assert list(path.parent.iterdir()) == [path]
    assert table(path)[3]["path"] == "d\\xff.wav"


def test_no_results_make_an_empty_table(path):
    written(path, [])
    assert table(path) == []


@given(st.data())
@settings(max_examples=30)
def test_a_part_cut_anywhere_is_resumed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cut") / "results.parquet"
    part = path.with_name("results.parquet.part")
    written(path, RESULTS, finish=False)
    assert not path.exists()
    part.write_bytes(part.read_bytes()[: data.draw(st.integers(0, part.stat().st_size))])
    written(path, RESULTS, resume=True)
    assert table(path) == rows(RESULTS)


@pytest.mark.parametrize("windows", [None, Windows(2.0, 1.0)])
def test_a_finished_table_is_resumed(path, windows):
    written(path, RESULTS[:3])
    before = path.stat().st_mtime_ns, path.read_bytes()
    written(path, RESULTS[:3], resume=True, windows=windows)
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before  # there was nothing to add
    written(path, RESULTS, resume=True, windows=windows)
    assert table(path) == rows(RESULTS)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("windows", [None, Windows(2.0, 1.0)])
def test_killed_before_it_could_remove_the_part(path, windows):
    """The table is complete, and the part with the same rows is still there."""
    part = path.with_name("results.parquet.part")
    written(path, RESULTS, finish=False)
    lines = part.read_bytes()
    written(path, RESULTS, resume=True)
    part.write_bytes(lines)
    more = [*RESULTS, answer("f.wav")]
    written(path, more, resume=True, windows=windows)
    assert table(path) == rows(more)


def test_tables_that_cannot_be_resumed(path):
    written(path, RESULTS[:1], finish=False)
    with pytest.raises(ResultsError, match=r"results.parquet.part already exists: continue it with --resume"):
        opened(path)
    written(path, RESULTS[:1], resume=True)
    content = path.read_bytes()
    for options, message in [
        ({}, "results.parquet already exists: continue it with --resume"),
        ({"resume": True, "model": "yours"}, "has results of the model mine, but you use yours"),
        (
            {"resume": True, "windows": Windows(1.0, 0.5)},
            "a result for 0 to 2 s of a.wav, but you asked for windows of 1 s",
        ),
    ]:
        with pytest.raises(ResultsError, match=message):
            opened(path, **options)
    path.write_bytes(content[:-10])
    with pytest.raises(ResultsError, match=r"results.parquet cannot be resumed"):
        opened(path, resume=True)
    assert list(path.parent.iterdir()) == [path]


def test_a_table_that_cannot_be_written(path, monkeypatch):
    def full(self):
        yield from ()
        raise OSError(28, "No space left on device")

    file = opened(path)
    for result in RESULTS:
        file.write(result)
    monkeypatch.setattr(parquet.ParquetResults, "_old_batches", full)
    with pytest.raises(ResultsError, match=r"No space left on device; its rows are still in .*results.parquet.part"):
        file.finish()
    file.close()
    assert [each.name for each in path.parent.iterdir()] == ["results.parquet.part"]
    monkeypatch.undo()
    written(path, RESULTS, resume=True)
    assert table(path) == rows(RESULTS)


def test_without_pyarrow(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ResultsError, match=r"Parquet needs pyarrow .*pip install 'emotion-edge\[parquet\]'"):
        opened(path)
    assert list(path.parent.iterdir()) == []
