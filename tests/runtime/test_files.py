"""Files are written completely or not at all."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from emotion_edge.files import replacing

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links are those of POSIX")


def write(path, text, **options):
    with replacing(path, **options) as temporary:
        temporary.write_text(text)


@pytest.mark.parametrize("durable", [False, True])
def test_a_new_file_and_a_replaced_one(tmp_path, durable):
    for text in ("first", "second"):
        write(tmp_path / "a.txt", text, durable=durable)
        assert (tmp_path / "a.txt").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    write(tmp_path / "a.txt", "before")

    def fail(temporary):
        temporary.write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a.txt") as temporary:
        fail(temporary)
    assert (tmp_path / "a.txt").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_the_temporary_file_has_the_suffix_and_another_name_each_time(tmp_path):
    names = set()
    for _ in range(20):
        with replacing(tmp_path / "a.keras") as temporary:
            assert temporary.parent == tmp_path
            assert temporary.suffix == ".keras"
            names.add(temporary.name)
    assert len(names) == 20


def test_a_name_of_the_maximum_length(tmp_path):
    path = tmp_path / ("n" * 251 + ".txt")
    write(path, "long")
    assert path.read_text() == "long"


@POSIX
def test_only_the_owner_can_read_a_private_file(tmp_path):
    before = os.umask(0)
    try:
        write(tmp_path / "private", "", private=True)
        write(tmp_path / "public", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "public").stat().st_mode) == 0o666


@POSIX
def test_no_link_is_followed(tmp_path, monkeypatch):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "link").symlink_to(precious)
    write(tmp_path / "link", "new")
    assert (precious.read_text(), (tmp_path / "link").read_text()) == ("mine", "new")

    monkeypatch.setattr(os, "urandom", lambda n: bytes(n))  # an attacker guessed the name and created a link
    (tmp_path / f".a.{'00' * 8}.txt").symlink_to(precious)
    with pytest.raises(FileExistsError):
        write(tmp_path / "a.txt", "new")
    assert precious.read_text() == "mine"


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        write(tmp_path, "")
