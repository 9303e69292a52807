"""`emotion-edge classify` on archives, run as real processes that the tests also kill."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sounds import spoken, write

from emotion_edge import classify
from emotion_edge.batch.results import columns, readable, row

pytestmark = pytest.mark.usefixtures("as_a_fresh_process")

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs signals and terminals as POSIX has them")
LABELS = ("angry", "fear", "happy", "neutral", "sad")
BAD = ("empty.wav", "text.flac")


def command(*arguments):
    return [sys.executable, "-m", "emotion_edge", "classify", *map(str, arguments)]


def run(*arguments, **options):
    return subprocess.run(command(*arguments), **{"capture_output": True, "text": True, "timeout": 120, **options})


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The parent of a folder with sixty short sentences in three folders, and files that are not audio."""
    folder = tmp_path_factory.mktemp("archive")
    for n in range(60):
        write(folder / "clips" / "abc"[n % 3] / f"{n}.wav", spoken(n % 3)[: 5000 + 300 * n], 22050)
    (folder / "clips" / "empty.wav").touch()
    (folder / "clips" / "b" / "text.flac").write_text("no sound")
    (folder / "clips" / "notes.txt").write_text("not asked")
    return folder


@pytest.fixture(scope="module")
def expected(archive):
    """Path to the expected answer."""
    done = run("-r", "clips", "--json", cwd=archive)
    assert (done.returncode, done.stderr) == (
        1,
        "skipped files without the suffix of an audio file: 1 .txt\n",
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines[:5]:
        if "error" not in line:
            assert line == {"path": line["path"], **classify(archive / line["path"]).to_dict()}
    assert [Path(line["path"]).name for line in lines if "error" in line] == list(BAD)
    assert len(lines) == 62
    return {line["path"]: line for line in lines}


def read(path):
    """The rows of a results file by their path; no path is there twice."""
    if path.suffix == ".parquet":
        rows = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    by_path = {each["path"]: each for each in rows}
    assert len(by_path) == len(rows)
    return by_path


def as_rows(expected, suffix):
    """What `read` returns for a complete file."""
    if suffix == ".jsonl":
        return expected
    table = {readable(path): row(line, LABELS) for path, line in expected.items()}
    if suffix == ".csv":
        return {
            path: {name: "" if cell is None else str(cell) for name, cell in cells.items()}
            for path, cells in table.items()
        }
    return table


@pytest.fixture
def out(request, tmp_path):
    if request.param == ".parquet":
        pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    return tmp_path / f"out{request.param}"


# Each format and each number of processes, but not all combinations: starting processes is slow.
FORMS_AND_JOBS = [(".jsonl", 1), (".jsonl", 2), (".csv", 1), (".parquet", 2)]


@pytest.mark.parametrize(("out", "jobs"), FORMS_AND_JOBS, indirect=["out"])
def test_a_results_file(archive, expected, out, jobs):
    done = run("-r", "clips", "-j", jobs, "-o", out, cwd=archive)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == f"62 files, 2 failed: {out}"
    assert read(out) == as_rows(expected, out.suffix)
    before = out.read_bytes()
    again = run("-r", "clips", "-j", jobs, "-o", out, cwd=archive)
    assert again.returncode == 1
    assert (
        again.stderr
        == f"emotion-edge: {out} already exists: continue it with --resume, choose another name, or remove it\n"
    )
    resumed = run("-r", "clips", "-j", jobs, "-o", out, "--resume", cwd=archive)
    assert resumed.returncode == 1  # as it would have been without an interruption
    assert resumed.stderr.startswith(f"0 files, 0 failed, 62 already in it, of which 2 failed: {out}\n")
    assert out.read_bytes() == before
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("jobs", [1, 2])
def test_kept_in_order(archive, expected, jobs):
    done = run("-r", "clips", "--json", "-j", jobs, "--keep-order", cwd=archive)
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == list(expected)


def group(process):
    """The processes of a session that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = entry.read_text().rsplit(")", 1)[1].split()[:4]
        except OSError:
            continue
        if int(session) == process.pid and state != "Z":
            found.append(int(entry.parent.name))
    return found


def n_written(out):
    part = out.with_name(f"{out.name}.part") if out.suffix == ".parquet" else out
    return part.read_bytes().count(b"\n") if part.exists() else 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    ("out", "jobs", "name"),
    [
        *((suffix, jobs, "SIGKILL") for suffix, jobs in FORMS_AND_JOBS),
        (".jsonl", 2, "SIGTERM"),
        (".jsonl", 2, "SIGINT"),
    ],
    indirect=["out"],
)
@pytest.mark.slow
def test_killed_at_random_moments_and_resumed(archive, expected, out, jobs, name):
    """No file is answered twice, none is missing, and no process is left behind."""
    number = getattr(signal, name)
    moments = random.Random(f"{out.suffix} {jobs} {name}")
    n_kills = 0
    for _ in range(100):
        started_with = n_written(out)
        # Python itself complains about Ctrl-C while it starts
        wanted = started_with + moments.randint(number == signal.SIGINT, 40)
        with subprocess.Popen(
            command("-r", "clips", "-j", jobs, "-o", out, "--resume"),
            cwd=archive,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while process.poll() is None and n_written(out) < wanted:
                time.sleep(0.001)
            if number == signal.SIGINT and process.poll() is None:
                os.killpg(process.pid, number)  # as Ctrl-C does
            else:
                process.send_signal(number)
            messages = process.stderr.read()
            status = process.wait(60)
        assert "Traceback" not in messages
        until = time.monotonic() + 20
        while group(process) and time.monotonic() < until:
            time.sleep(0.01)
        assert not group(process)
        if status in (0, 1):
            break
        assert status in (-number, 130)
        n_kills += 1
    assert n_kills >= 1
    assert out.exists()
    assert read(out) == as_rows(expected, out.suffix)


@POSIX
@pytest.mark.parametrize(("suffix", "part"), [(".jsonl", ""), (".parquet", ".part")])
def test_ctrl_c_explains_how_to_resume(archive, tmp_path, suffix, part):
    if part:
        pytest.importorskip("pyarrow", reason="needs pyarrow")
    out = tmp_path / f"out{suffix}"
    rows = out.with_name(f"{out.name}{part}")
    with subprocess.Popen(
        command("-r", "clips", "-o", out, "--files-from", "-"),
        cwd=archive,
        stdin=subprocess.PIPE,  # kept open, so that the list does not end
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while n_written(out) < 62:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == (
            f"stopped after 62 files: {rows} holds the answers, --resume continues from there\n"
        )
    assert rows.read_text().count("\n") == 62


@pytest.mark.parametrize("output", [(), ("-o", "out.jsonl")])
def test_a_folder_without_sound(tmp_path, output):
    (tmp_path / "none").mkdir()
    done = subprocess.run(command("-r", "none", *output), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == "no audio files found"


POISON = """
import os, signal, soundfile
class SoundFile(soundfile.SoundFile):
    def __init__(self, file, *arguments, **options):
        if b"poison" in os.fsencode(file):
            os.kill(os.getpid(), signal.SIGKILL)
        super().__init__(file, *arguments, **options)
soundfile.SoundFile = SoundFile
"""


@POSIX
@pytest.mark.parametrize("timeline", [False, True])
@pytest.mark.slow
def test_files_that_kill_their_process(archive, expected, tmp_path, timeline):
    """As damaged files did, which crashed older decoders."""
    (tmp_path / "sitecustomize.py").write_text(POISON)
    poison = [str(write(tmp_path / f"poison-{n}.wav", spoken(), 22050)) for n in range(2)]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    out = tmp_path / "out.jsonl"
    done = run(
        *("-r", poison[0], "clips", poison[1], "-j", 2, "-o", out, *["--timeline"] * timeline),
        cwd=archive,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 1
    assert "a worker was lost" in done.stderr
    assert "Traceback" not in done.stderr
    assert f"64 files, 4 failed: {out}" in done.stderr
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    errors = {line["path"]: line["error"] for line in lines if "error" in line}
    assert set(errors) == {*poison, *(path for path, line in expected.items() if "error" in line)}
    for each in poison:
        assert errors[each].startswith(f"{each}: the process that read it died")
    assert {line["path"] for line in lines} == {*poison, *expected}
    if not timeline:
        assert {path: line for path, line in read(out).items() if path not in poison} == expected


def test_a_file_named_twice_is_in_it_once(archive, expected, tmp_path):
    out = tmp_path / "out.jsonl"
    (tmp_path / "list").write_text("clips/a/0.wav\nclips/a/0.wav\n")
    done = run("clips/a/0.wav", "--files-from", tmp_path / "list", "-o", out, cwd=archive)
    assert done.stderr == f"1 file, 0 failed, 2 already in it: {out}\n"
    assert read(out) == {"clips/a/0.wav": expected["clips/a/0.wav"]}


def test_failures_asked_about_again(archive, expected, tmp_path):
    """As the page about batches describes it: remove their rows."""
    first, again = tmp_path / "first.jsonl", tmp_path / "again.jsonl"
    run("-r", "clips", "-o", first, cwd=archive)
    again.write_text(
        "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in read(first).values() if "error" not in line)
    )
    done = run("-r", "clips", "-o", again, "--resume", cwd=archive)
    assert done.stderr.startswith(f"2 files, 2 failed, 60 already in it: {again}\n")
    assert read(again) == expected


def test_a_folder_without_recursive(archive):
    done = run("clips", cwd=archive)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "emotion-edge: clips is a folder, wanted an audio file\n"
        "add --recursive to classify all audio files in a folder and its subfolders\n"
    )


def test_standard_input(archive, expected):
    sound = (archive / "clips" / "a" / "0.wav").read_bytes()
    done = run("--json", "-", cwd=archive, input=sound, text=False)
    assert json.loads(done.stdout) == {**expected["clips/a/0.wav"], "path": "-"}
    names = "\0".join(list(expected)[:3])
    done = run("--json", "--files-from", "-", "-0", cwd=archive, input=names)
    assert [json.loads(line) for line in done.stdout.splitlines()] == list(expected.values())[:3]
    done = run("-", input=b"", text=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"is empty" in done.stderr


def test_an_empty_list_is_done_at_once(tmp_path):
    out = tmp_path / "out.csv"
    done = run("-r", tmp_path, "-o", out)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "",
        f"0 files, 0 failed: {out}\nno audio files found\nskipped files without the suffix of an audio file: 1 .csv\n",
    )
    assert out.read_text().splitlines() == [",".join(columns(LABELS))]


@pytest.mark.parametrize(("out", "jobs"), FORMS_AND_JOBS, indirect=["out"])
def test_windows(archive, expected, out, jobs):
    clip = write(out.parent / "talk.wav", spoken(1), 22050)
    options = ("--timeline", "--window", 1, "--step", 0.5)
    lines = run(*options, "--json", clip, archive / "clips" / "empty.wav", "-j", jobs, "-k").stdout.splitlines()
    *windows, bad = map(json.loads, lines)
    assert [window["start_s"] for window in windows[:-1]] == [n / 2 for n in range(len(windows) - 1)]
    assert {window["path"] for window in windows} == {str(clip)}
    assert classify(clip).end_s - windows[-1]["end_s"] < 0.1
    assert bad == {
        "path": str(archive / "clips" / "empty.wav"),
        "error": f"{archive}/clips/empty.wav is empty (0 bytes)",
    }
    text = run(*options, clip).stdout.splitlines()
    assert text[1].endswith(f"({clip}, 0.5 to 1.5 s)")
    done = run(*options, "-r", clip, "clips", "-o", out, "-j", jobs, cwd=archive)
    assert done.stderr.startswith(f"63 files, 2 failed: {out}\n")
    whole = out.read_bytes()
    if out.suffix == ".parquet":
        rows = pytest.importorskip("pyarrow.parquet").read_table(out).to_pylist()
        assert [each for each in rows if each["path"] == str(clip)] == [row(window, LABELS) for window in windows]
        return
    out.write_bytes(whole[: len(whole) * 2 // 3])
    done = run(*options, "-r", clip, "clips", "-o", out, "-j", jobs, "--resume", cwd=archive)
    assert sorted(out.read_bytes().splitlines()) == sorted(whole.splitlines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: FILE"),
        (("-0", "a.wav"), "--null needs --files-from"),
        (("--resume", "a.wav"), "--resume needs --output"),
        (("--json", "-o", "a.jsonl", "a.wav"), "--json is for standard output"),
        (("-o", "a.txt", "a.wav"), "got a.txt, wanted a name that ends in .jsonl, .csv, .parquet"),
        (("--jobs", "2", "--profile", "anna", "a.wav"), "--profile learns from one file after another"),
        (("--jobs", "2", "-"), "sound from standard input needs a single process"),
        (("--files-from", "-", "-"), "standard input cannot be both sound and a list of files"),
        (("--window", "2", "a.wav"), "--window and --step need --timeline"),
        (("--jobs", "0", "a.wav"), "got 0, wanted a whole number, 1 to"),
    ],
)
def test_usage(tmp_path, arguments, message):
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_options_are_reported_before_the_work_starts(archive, tmp_path):
    for arguments, message in [
        (("--model", "nonsense"), "unknown model 'nonsense'"),
        (("--files-from", "missing"), "the list of files missing cannot be read: No such file or directory"),
        (("--timeline", "--window", "1", "--step", "2"), "step_s"),
    ]:
        done = run("-r", "clips", "-j", 2, "-o", tmp_path / "out.jsonl", *arguments, cwd=archive)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) == 0


@POSIX
@pytest.mark.parametrize("arguments", [("-o", "out.jsonl"), ("-o", "out.jsonl", "-j", "2"), ("--json",)])
def test_a_bar_on_the_terminal(archive, tmp_path, arguments):
    """It shows rate, remaining time and failures, unless the answers are printed on the terminal."""
    import fcntl
    import pty
    import termios

    arguments = [str(tmp_path / each) if each.startswith("out") else each for each in arguments]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with subprocess.Popen(
        command("-r", "clips", *arguments),
        cwd=archive,
        stdout=theirs if arguments == ["--json"] else subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 1 << 16):
                shown += data
        except OSError:  # the end of a terminal
            pass
        os.close(ours)
        assert process.wait(60) == 1
    text = shown.decode()
    if arguments == ["--json"]:
        assert "file/s" not in text
        return
    assert "/62 [" in text
    assert "file/s" in text
    assert "2 failed" in text
    assert text.rstrip().splitlines()[-2].endswith(f"62 files, 2 failed: {arguments[1]}")
