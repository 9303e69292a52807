"""`classify_many` with Dask and Spark, as in the examples."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from places import EXAMPLES
from sounds import spoken, write

from emotion_edge import classify_many
from emotion_edge.batch.results import row

pytestmark = pytest.mark.usefixtures("as_a_fresh_process")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A folder with forty sentences, an empty file and a text file."""
    folder = tmp_path_factory.mktemp("archive")
    for n in range(40):
        write(folder / f"{n % 2}" / f"{n}.wav", spoken(n % 3)[: 5000 + 300 * n], 22050)
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("no sound")
    return folder


@pytest.fixture(scope="module")
def expected(archive):
    return {result.path: result for result in classify_many(sorted(archive.rglob("*.wav")))}


class Cluster:
    """A scheduler and two workers, each in a separate process."""

    def __init__(self, stack, folder):
        self._stack = stack
        self._file = folder / "scheduler.json"
        self._log = stack.enter_context((folder / "log").open("w"))
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        self.workers = [self.start_worker() for _ in range(2)]

    def start_worker(self):
        return self._start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")

    def _start(self, what, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", self._file, *options]
        process = subprocess.Popen(command, stdout=self._log, stderr=self._log, cwd=self._file.parent)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    @property
    def address(self):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                return json.loads(self._file.read_text())["address"]
            except (OSError, ValueError):
                time.sleep(0.05)
        raise AssertionError(Path(self._log.name).read_text())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    pytest.importorskip("distributed", reason="needs dask: pip install distributed")
    with ExitStack() as stack:
        yield Cluster(stack, tmp_path_factory.mktemp("cluster"))


def test_dask_with_a_worker_that_is_killed(cluster, expected):
    """Each file has one result, and a worker that starts late takes part."""
    from distributed import Client

    endless = (path for _ in range(20) for path in expected)
    with Client(cluster.address) as client:
        client.wait_for_workers(2, timeout=60)
        results = classify_many(endless, executor=client.get_executor(), chunksize=3, buffersize=8)
        results_so_far = list(itertools.islice(results, 60))
        cluster.workers[0].send_signal(signal.SIGKILL)
        results_so_far += itertools.islice(results, 200)
        cluster.start_worker()
        results_so_far += results
    assert len(results_so_far) == 20 * len(expected)
    assert {result.path: result for result in results_so_far} == expected
    assert all(result == expected[result.path] for result in results_so_far)
    counts = [sum(result.path == path for result in results_so_far) for path in expected]
    assert set(counts) == {20}


def test_dask_example(cluster, archive, expected):
    done = subprocess.run(
        [sys.executable, EXAMPLES / "dask_archive.py", cluster.address, archive],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(expected)
    assert {line["path"]: line for line in lines} == {path: result.to_dict() for path, result in expected.items()}


@pytest.fixture
def spark_archive():
    pytest.importorskip("pandas", reason="needs pandas, as Spark's mapInPandas does")
    specification = importlib.util.spec_from_file_location("spark_archive", EXAMPLES / "spark_archive.py")
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def as_table(spark_archive, expected):
    return [row(result.to_dict(), spark_archive.LABELS) for result in expected.values()]


def plain(frame):
    return [{name: None if cell != cell else cell for name, cell in each.items()} for each in frame.to_dict("records")]


def test_spark_function(spark_archive, expected):
    """The function that Spark calls, without Spark. It turns an iterator of tables into an iterator of tables."""
    import pandas as pd

    paths = list(expected)
    frames = (pd.DataFrame({"path": some}) for some in (paths[:7], [], paths[7:]))
    first, empty, rest = spark_archive.classify_frames(frames)
    assert len(empty) == 0
    assert list(first) == list(empty) == list(spark_archive.COLUMNS)
    assert plain(first) + plain(rest) == as_table(spark_archive, expected)


def test_spark_example(spark_archive, archive, expected, tmp_path):
    pytest.importorskip("pyspark", reason="needs pyspark (0.5 GB), which is not among the requirements of the tests")
    if shutil.which("java") is None:
        pytest.skip("needs Java: apt install default-jre-headless")
    import pandas as pd

    table = tmp_path / "table.parquet"
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    subprocess.run(
        [sys.executable, EXAMPLES / "spark_archive.py", archive, table],
        check=True,
        capture_output=True,
        timeout=300,
        env=environment,
    )
    rows = plain(pd.read_parquet(table).sort_values("path"))
    assert rows == sorted(as_table(spark_archive, expected), key=lambda each: each["path"])
