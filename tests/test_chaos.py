"""What can go wrong with many files, and what happens to the others then: docs/outcomes.md says the same in words."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from places import ROOT
from sounds import spoken, write

from emotion_edge import Listener, classify
from emotion_edge.live.sources import FileSource
from emotion_edge.model.file import shipped

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs the limits, links and signals of Linux"),
    pytest.mark.usefixtures("as_a_fresh_process"),
]


def command(*arguments):
    return [sys.executable, "-m", "emotion_edge", *map(str, arguments)]


def run(*arguments, before=(), **options):
    options = {"capture_output": True, "text": True, "timeout": 120, **options}
    done = subprocess.run([*before, *command(*arguments)], **options)
    if options["text"]:
        assert "Traceback" not in done.stderr
    return done


def limited(option, value):
    """Return the words before a command that run it under a limit of the shell, without measuring its coverage."""
    return ["env", "-u", "COVERAGE_PROCESS_CONFIG", "sh", "-c", f'ulimit {option} {value}; exec "$@"', "sh"]


def results(out):
    """Return the lines of a results file by path, after checking that each is whole and no path occurs twice."""
    text = out.read_text()
    assert not text or text.endswith("\n")
    lines = [json.loads(line) for line in text.splitlines()]
    by_path = {line["path"]: line for line in lines}
    assert len(by_path) == len(lines)
    return by_path


def errors(lines):
    return {
        Path(path).name: line["error"].partition(": ")[2] or line["error"]
        for path, line in lines.items()
        if "error" in line
    }


@pytest.fixture(scope="module")
def sentence(tmp_path_factory):
    return write(tmp_path_factory.mktemp("sentence") / "sentence.wav", spoken(), 22050)


@pytest.fixture
def clips(tmp_path, sentence):
    """A folder with thirty recordings of a sentence."""
    for n in range(30):
        (tmp_path / "clips").mkdir(exist_ok=True)
        shutil.copy(sentence, tmp_path / "clips" / f"{n:02}.wav")
    return tmp_path / "clips"


@pytest.fixture(scope="module")
def powerless():
    """The words before a command that take the privileges of root away."""
    if os.geteuid() != 0:
        return []
    before = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    if shutil.which("setpriv") is None or subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("root may read every file, and setpriv, which could prevent that, does not work here")
    return before


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def jobs(request):
    return request.param


def test_bad_files_among_good_ones(clips, sentence, powerless, jobs, tmp_path):
    data = sentence.read_bytes()
    for name, content in {
        "empty.wav": b"",
        "text.wav": b"no sound",
        "header.wav": data[:44],
        "half-header.wav": data[:20],
        "half.wav": data[: len(data) // 2],
        "zeros.flac": bytes(5000),
        "noise.ogg": np.random.default_rng(0).bytes(5000),
        "more-than-there-is.wav": data[:40] + struct.pack("<I", 0x7FFFF000 - 1) + data[44:],
    }.items():
        (clips / name).write_bytes(content)
    write(clips / "not-a-number.wav", np.full(8000, np.nan), 16000, subtype="FLOAT")
    write(clips / "short.wav", np.zeros(1), 16000)
    (clips / "lost.wav").symlink_to("nowhere.wav")
    (clips / "round.wav").symlink_to("round.wav")
    (clips / "loop").symlink_to(".")
    os.mkfifo(clips / "pipe.wav")  # no program ever writes to it
    shutil.copy(sentence, clips / "secret.wav")
    (clips / "secret.wav").chmod(0)
    (clips / "closed").mkdir(mode=0)
    out = tmp_path / "out.jsonl"
    done = run("classify", "-r", clips, "-j", jobs, "-o", out, before=powerless)
    assert done.returncode == 1
    lines = results(out)
    assert errors(lines) == {
        "empty.wav": f"{clips}/empty.wav is empty (0 bytes)",
        "text.wav": "Format not recognised",
        "header.wav": f"{clips}/header.wav holds no samples",
        "half-header.wav": errors(lines)["half-header.wav"],  # the words of the decoder
        "zeros.flac": errors(lines)["zeros.flac"],
        "noise.ogg": errors(lines)["noise.ogg"],
        "not-a-number.wav": "sample 0 (at 0.000 s) is nan, wanted finite numbers",
        "lost.wav": "no such file",
        "round.wav": "Too many levels of symbolic links",
        "secret.wav": "Permission denied",
        "closed": "Permission denied",
    }
    good = {Path(path).name: line for path, line in lines.items() if "error" not in line}
    expected = classify(sentence).to_dict()
    for n in range(30):
        assert good.pop(f"{n:02}.wav") == {"path": f"{clips}/{n:02}.wav", **expected}
    assert set(good) == {"half.wav", "more-than-there-is.wav", "short.wav"}
    assert good["more-than-there-is.wav"]["label"] == expected["label"]
    for name in ("half.wav", "more-than-there-is.wav"):
        assert f"{name} ends earlier than its header says" in done.stderr


def test_files_that_vanish_and_that_grow(clips, sentence, jobs, tmp_path):
    """A list of files arrives slowly, and the files change meanwhile."""
    out = tmp_path / "out.jsonl"
    growing = tmp_path / "growing.wav"
    shutil.copy(sentence, growing)
    over = threading.Event()

    def grow():
        with growing.open("ab") as file:
            while not over.wait(0.001):
                file.write(bytes(4096))

    names = sorted(map(str, clips.iterdir()))
    with subprocess.Popen(
        command("classify", "--files-from", "-", "-j", jobs, "-o", out),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdin.write("\n".join([*names[:20], str(growing), ""]))
        thread = threading.Thread(target=grow)
        thread.start()
        process.stdin.flush()
        for name in names[20:]:
            Path(name).unlink()
        process.stdin.write("\n".join(names[20:]))
        process.stdin.close()
        assert process.wait(60) == 1
        over.set()
        thread.join()
    lines = results(out)
    assert list(lines) == [*names[:20], str(growing), *names[20:]] or jobs > 1
    assert errors(lines) == dict.fromkeys((Path(name).name for name in names[20:]), "no such file")
    assert lines[str(growing)]["end_s"] == classify(sentence).end_s  # the length in its header


@pytest.mark.parametrize(("suffix", "jobs"), [(".jsonl", 1), (".jsonl", 2), (".csv", 1), (".parquet", 1)])
def test_a_full_disk(clips, jobs, suffix, tmp_path):
    """Whole lines stay, half a line is removed, and the run can be resumed once there is room."""
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow")
    out = tmp_path / f"out{suffix}"
    arguments = ("classify", "-r", clips, "-j", jobs, "-o", out)
    done = run(*arguments, before=limited("-f", 4))  # units of 512 or 1024 bytes
    written = out.with_name(f"{out.name}.part") if suffix == ".parquet" else out
    assert done.returncode == 1
    assert re.search(r"stopped after (\d+) files: ", done.stderr)
    assert f"emotion-edge: {written} cannot be written: File too large" in done.stderr
    kept = written.read_bytes()
    assert 0 < len(kept) <= 4096
    assert kept.endswith(b"\n")
    done = run(*arguments, "--resume")
    assert done.returncode == 0
    if suffix == ".parquet":
        import pyarrow.parquet

        paths = pyarrow.parquet.read_table(out)["path"].to_pylist()
    else:
        assert out.read_bytes().startswith(kept)
        text = out.read_text().splitlines()
        paths = (
            [json.loads(line)["path"] for line in text]
            if suffix == ".jsonl"
            else [line.split(",")[0] for line in text[1:]]
        )
    assert sorted(paths) == sorted(map(str, clips.iterdir()))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system, and not everywhere")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_file_system(clips, small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(56 << 10))
    out = small_disk / "out.jsonl"
    arguments = ("classify", "-r", clips, "-j", 2, "-o", out)
    done = run(*arguments)
    assert done.returncode == 1
    assert f"emotion-edge: {out} cannot be written: No space left on device" in done.stderr
    kept = results(out)
    assert 0 < len(kept) < 30
    ballast.unlink()
    assert run(*arguments, "--resume").returncode == 0
    assert len(results(out)) == 30


def test_no_room_for_windows(clips, small_disk, tmp_path):
    """Processes write the windows of a file to the folder for temporary files."""
    (small_disk / "ballast").write_bytes(bytes(60 << 10))
    out = tmp_path / "out.jsonl"
    arguments = ("classify", "-r", clips, "--timeline", "--window", 0.5, "--step", 0.05, "-j", 2, "-o", out)
    done = run(*arguments, env={**os.environ, "TMPDIR": str(small_disk)})
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert not errors(results(out))  # no file is at fault
    assert run(*arguments, "--resume").returncode == 0
    assert len({json.loads(line)["path"] for line in out.read_text().splitlines()}) == 30


@pytest.mark.parametrize("arguments", [(), ("--timeline",), ("--jobs", "2", "--json")])
def test_a_reader_that_leaves(clips, arguments):
    line = " ".join(command("classify", "-r", clips, *arguments)) + " | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("suffix", "jobs", "locale"),
    [
        (".jsonl", 1, C_LOCALE),
        (".jsonl", 2, C_LOCALE),
        (".jsonl", 1, {"LC_ALL": "C.UTF-8"}),
        (".csv", 1, C_LOCALE),
        (".csv", 1, {"LC_ALL": "C.UTF-8"}),
        (".parquet", 2, C_LOCALE),
    ],
)
def test_unusual_file_names(sentence, suffix, jobs, locale, tmp_path):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow")
    names = [
        b"line\nbreak",
        b"return\r",
        b"bad\xff\xfe",
        "ünï😀".encode(),
        b'quote"s, commas',
        b" ",
        b"-r",
        b"x" * 251,
        b"*",
    ]
    folder = os.fsencode(tmp_path / "odd")
    for name in names:
        Path(os.fsdecode(folder)).mkdir(exist_ok=True)
        shutil.copy(sentence, os.fsdecode(folder + b"/" + name + b".wav"))
    out = tmp_path / f"out{suffix}"
    environment = {**os.environ, **locale}
    listed = b"\0".join(folder + b"/" + name + b".wav" for name in names)
    for arguments in (("-r", "odd"), ("--files-from", "-", "-0")):
        done = run(
            "classify", *arguments, "-j", jobs, "-o", out, cwd=tmp_path, env=environment, input=listed, text=False
        )
        assert (done.returncode, done.stderr.splitlines()[0]) == (0, f"9 files, 0 failed: {out}".encode())
        again = run(
            "classify", *arguments, "-o", out, "--resume", cwd=tmp_path, env=environment, input=listed, text=False
        )
        assert again.stderr.splitlines()[0] == f"0 files, 0 failed, 9 already in it: {out}".encode()
        if suffix == ".jsonl":
            assert {os.fsencode(path).rpartition(b"/")[2] for path in results(out)} == {
                name + b".wav" for name in names
            }
        out.unlink()
    if suffix == ".jsonl":
        assert run("classify", "-r", "odd", cwd=tmp_path, env=environment, text=False).returncode == 0


def test_a_read_only_folder(sentence, powerless, tmp_path):
    """Models and recordings may be in a read-only folder: nothing is ever written there."""
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(shipped()["tess-mlp"], folder / "mine.tflite")
    shutil.copy(sentence, folder)
    folder.chmod(0o500)
    try:
        done = run("classify", "--model", "mine.tflite", "-j", 2, "sentence.wav", before=powerless, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        done = run("classify", "sentence.wav", "-o", "out.jsonl", before=powerless, cwd=folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "emotion-edge: out.jsonl cannot be written: Permission denied\n"
    finally:
        folder.chmod(0o700)


# time.time goes back an hour at every call. time.monotonic cannot go back.
CLOCK = """
import itertools, time
original, calls = time.time, itertools.count()
time.time = lambda: original() - 3600 * next(calls)
"""


@pytest.fixture
def clock_that_goes_back(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(CLOCK)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])}


def test_a_clock_that_is_set_back(clips, clock_that_goes_back, tmp_path):
    out = tmp_path / "out.jsonl"
    done = run("classify", "-r", clips, "-j", 2, "-o", out, env=clock_that_goes_back)
    assert (done.returncode, done.stderr) == (0, f"30 files, 0 failed: {out}\n")
    assert len(results(out)) == 30
    talk = write(tmp_path / "talk.wav", np.concatenate([spoken(1), np.zeros(22050)]), 22050)
    events = []
    for environment in (os.environ, clock_that_goes_back):
        done = run("listen", "--input", talk, "--json", env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        events.append([{**json.loads(line), "time": None} for line in done.stdout.splitlines()])
    assert events[0] == events[1]
    assert events[0]


def test_very_few_file_descriptors(clips, tmp_path):
    out = tmp_path / "out.jsonl"
    assert run("classify", "-r", clips, "-o", out, before=limited("-n", 16)).returncode == 0
    assert not errors(results(out))
    out.unlink()
    for limit in (16, 18, 20, 22, 24):
        arguments = ("classify", "-r", clips, "-j", 8, "-o", out, "--resume")
        done = run(*arguments, before=limited("-n", limit))
        assert not errors(results(out))  # no file is at fault
        if done.returncode:
            assert "Too many open files" in done.stderr
    assert run(*arguments).returncode == 0
    assert len(results(out)) == 30


def test_a_process_that_is_killed_from_outside(clips, tmp_path):
    """The kernel kills a process if memory runs out. Its files are then tried again."""
    out = tmp_path / "out.jsonl"
    with subprocess.Popen(
        command("classify", "--files-from", "-", "-j", 2, "-o", out),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        names = [*map(str, clips.iterdir()), *(f"missing-{n}.wav" for n in range(600))]
        process.stdin.write("\n".join([*names[:400], ""]))
        process.stdin.flush()
        while not out.exists() or not out.read_bytes():
            time.sleep(0.01)
        children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(workers[0], signal.SIGKILL)
        process.stdin.write("\n".join(names[400:]))
        process.stdin.close()
        assert process.wait(120) == 1
        assert "Traceback" not in process.stderr.read()
    lines = results(out)
    assert set(lines) == set(names)
    assert set(errors(lines).values()) == {"no such file"}


def test_listening_to_files_without_sound(powerless, tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "secret.wav").touch(mode=0)
    (tmp_path / "round.wav").symlink_to("round.wav")
    for name, error in [
        ("empty.wav", "empty.wav is empty (0 bytes)"),
        ("missing.wav", "missing.wav: no such file"),
        ("round.wav", "round.wav cannot be opened: Too many levels of symbolic links"),
        ("secret.wav", "secret.wav cannot be opened: Permission denied"),
    ]:
        done = run("listen", "--input", name, "--json", cwd=tmp_path, before=powerless)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"emotion-edge: {error}\n")


def test_listening_to_half_a_file_with_an_odd_name(tmp_path):
    """Cut short, with a name that the locale cannot represent, read-only, with few file descriptors; also as a pipe."""
    plain = write(tmp_path / "talk.wav", np.concatenate([spoken(1), np.zeros(22050)]), 22050)
    plain.write_bytes(plain.read_bytes()[: plain.stat().st_size // 2])
    with Listener(source=FileSource(plain)) as listener:
        expected = [{**event.to_dict(), "time": None} for event in listener]
    half = plain.rename(tmp_path / os.fsdecode(b"bad\xff\nname.wav"))
    half.chmod(0o400)
    with half.open("rb") as piped:
        for name in (half, "-"):
            options = {"stdin": piped, "env": {**os.environ, **C_LOCALE}, "before": limited("-n", 16)}
            done = run("listen", "--input", name, "--json", **options)
            assert [{**json.loads(line), "time": None} for line in done.stdout.splitlines()] == expected
            assert done.returncode == 0
            assert ("ends earlier than its header says" in done.stderr) == (
                name == half
            )  # the header of a pipe never has a length
    assert expected


def test_listening_to_a_file_that_grows_and_is_deleted(tmp_path):
    path = write(tmp_path / "talk.wav", spoken(1), 22050)
    source = FileSource(path)
    source.open()
    with path.open("ab") as file:
        file.write(bytes(1 << 20))
    path.unlink()
    samples = np.concatenate([each.samples for each in source.blocks(threading.Event())])
    source.close()
    assert len(samples) == len(spoken(1))  # the length in its header


def test_listening_continues_without_room_for_sound(small_disk, tmp_path):
    (small_disk / "ballast").write_bytes(bytes(64 << 10))
    talk = write(tmp_path / "talk.wav", np.concatenate([spoken(1), np.zeros(22050)]), 22050)
    plain = run("listen", "--input", talk, "--json")
    full = run("listen", "--input", talk, "--json", "--record", small_disk)
    assert full.returncode == 0
    assert len(full.stdout.splitlines()) == len(plain.stdout.splitlines()) > 0
    assert re.search(r"cannot be written: (the disk is full|No space left on device)", full.stderr)
    assert [each.name for each in small_disk.iterdir()] == ["ballast"]


def test_listening_without_a_reader(tmp_path):
    talk = write(tmp_path / "talk.wav", np.concatenate([spoken(1), np.zeros(22050)] * 3), 22050)
    line = " ".join(command("listen", "--input", talk, "--json"))
    for redirection, n_lines, error in [
        ("| head -1", 1, ""),
        (">/dev/full", 0, "emotion-edge: output cannot be written: No space left on device\n"),
    ]:
        done = subprocess.run(
            f"{line} {redirection}", shell=True, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.stdout.count("\n"), done.stderr) == (n_lines, error)
    assert done.returncode == 1


def test_the_page_of_outcomes_names_these_tests():
    page = (ROOT / "docs" / "outcomes.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    here = {name for name in globals() if name.startswith("test_")} - {"test_the_page_of_outcomes_names_these_tests"}
    elsewhere = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert here <= named
    assert all(f"def {name}(" in elsewhere for name in named)
