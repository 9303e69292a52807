"""Which files a command line names."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_edge import AudioError
from emotion_edge.cli.inputs import Inputs, add_inputs

POSIX = pytest.mark.skipif(os.name != "posix", reason="names are bytes there, and there are links and pipes")


def inputs(*arguments):
    parser = argparse.ArgumentParser()
    add_inputs(parser)
    return Inputs(parser.parse_args(arguments))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def joined(*parts):
    return os.sep.join(parts)  # noqa: PTH118, Path drops a dot


def test_names_are_used_as_they_are(here):
    make("a.txt")
    assert list(inputs("./a.txt", "missing", "a//b", "-", "")) == ["./a.txt", "missing", "a//b", "-", ""]


def test_a_folder(here):
    make(
        "f/b.WAV",
        "f/a.flac",
        "f/notes.txt",
        "f/README",
        "f/.hidden.wav",
        "f/z/c.mp3",
        "f/.git/d.wav",
        "f/e/y.ogg",
        "f/x.txt",
    )
    found = inputs("-r", "f", "f/notes.txt")
    expected = [joined("f", *name.split("/")) for name in ("a.flac", "b.WAV", "e/y.ogg", "z/c.mp3")]
    for _ in range(2):  # each iteration searches again
        assert list(found) == [*expected, "f/notes.txt"]
        assert found.left_out == {".txt": 2, "": 1}
    make("f/new.wav")
    assert len(list(found)) == 6
    assert not found.skipped_folder
    found = inputs("f")
    assert list(found) == ["f"]  # opening it reports that it is a folder
    assert found.skipped_folder


@POSIX
def test_links_and_pipes(here):
    make("f/a.wav", "else/b.wav")
    Path("f/up").symlink_to("..")
    Path("f/folder").symlink_to("../else")
    Path("f/folder.wav").symlink_to("../else")
    Path("f/link.wav").symlink_to("../else/b.wav")
    Path("f/lost.wav").symlink_to("nowhere")
    Path("f/round.wav").symlink_to("round.wav")
    os.mkfifo("f/pipe.wav")
    Path("f/to-pipe.wav").symlink_to("pipe.wav")
    found = inputs("-r", "f")
    assert list(found) == ["f/a.wav", "f/link.wav", "f/lost.wav", "f/round.wav"]
    assert not found.left_out
    Path("way").symlink_to("f")
    assert next(iter(inputs("-r", "way"))) == "way/a.wav"  # a link that is named is followed


@POSIX
def test_folders_deeper_than_python_recurses(here):
    depth = sys.getrecursionlimit() + 100
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    make("far.wav")
    os.chdir(here)
    try:
        assert list(inputs("-r", "d")) == [joined(*["d"] * depth, "far.wav")]
    finally:  # the cleanup after the tests recurses
        Path(*["d"] * depth, "far.wav").unlink()
        for n in range(depth, 0, -1):
            Path(*["d"] * n).rmdir()


@POSIX
def test_a_folder_that_disappeared(here):
    make("f/a/1.wav", "f/b/2.wav")
    found = iter(inputs("-r", "f"))
    assert next(found) == "f/a/1.wav"
    Path("f/b/2.wav").unlink()
    Path("f/b").rmdir()
    assert list(found) == ["f/b"]


def test_patterns(here):
    make("2.wav", "1.wav", "10.wav", "f/3.wav", "[1].wav", "f/g/4.wav")
    assert list(inputs("?.wav")) == ["1.wav", "2.wav"]
    assert list(inputs("./[0-9]*.wav")) == [joined(".", name) for name in ("1.wav", "10.wav", "2.wav")]
    assert list(inputs("[1].wav")) == ["[1].wav"]  # a file of this name exists
    assert list(inputs("*.mp3")) == ["*.mp3"]  # opening it reports that there is no such file
    assert list(inputs("-r", "f*")) == [joined("f", "3.wav"), joined("f", "g", "4.wav")]


@pytest.mark.parametrize(("end", "options"), [(b"\n", ()), (b"\r\n", ()), (b"\0", ("-0",)), (b"\0", ("--null",))])
@pytest.mark.parametrize("last", [b"", b"end"])
def test_lists(here, monkeypatch, end, options, last):
    make("f/1.wav")
    names = [b"a.wav", b"", b" b.wav ", b"*.wav", "é.wav".encode(), b"#c"]
    if end == b"\0":
        names += [b"two\nlines.wav", b"return\r"]
    data = end.join([*names, b"f", last or b""])
    (here / "list").write_bytes(data)
    expected = [os.fsdecode(name) for name in [*names, b"f", last] if name]
    assert list(inputs("--files-from", "list", *options)) == expected
    expected[expected.index("f")] = joined("f", "1.wav")
    assert list(inputs("-r", "first.wav", "--files-from", "list", *options)) == ["first.wav", *expected]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    from_stdin = inputs("-r", "--files-from", "-", *options)
    assert not from_stdin.repeatable
    assert list(from_stdin) == expected


@POSIX
@given(st.lists(st.binary(min_size=1).filter(lambda name: b"\0" not in name)), st.integers(1, 9))
def test_any_name_can_be_read_from_a_pipe(names, n_at_once):
    class Pipe:
        def __init__(self):
            self.buffer = self
            self._rest = b"".join(name + b"\0" for name in names)

        def read1(self, _):
            data, self._rest = self._rest[:n_at_once], self._rest[n_at_once:]
            return data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", Pipe())
        assert [os.fsencode(name) for name in inputs("--files-from", "-", "-0")] == names


def test_a_list_is_read_as_it_arrives(monkeypatch):
    reader, writer = os.pipe()
    with open(reader) as stdin, open(writer, "wb", buffering=0) as pipe:
        monkeypatch.setattr(sys, "stdin", stdin)
        found = iter(inputs("--files-from", "-"))
        pipe.write(b"a.wav\nb.w")
        assert next(found) == "a.wav"
        pipe.write(b"av\n")
        assert next(found) == "b.wav"


def test_a_list_that_cannot_be_read(here):
    for name in ("missing", ".", "nul\0"):
        with pytest.raises(AudioError, match=r"the list of files .* cannot be read"):
            inputs("--files-from", name)
    make("list")
    assert list(inputs("--files-from", "list")) == []
    assert inputs("--files-from", "list").repeatable
