"""Measures the cost of distributing work: `classify_many` with processes and with dask, and Spark as in the example.

    pip install . -r benchmarks/requirements.txt && python benchmarks/clusters.py [FOLDER] [--files N] [--rounds N]

FOLDER contains recordings; the default is TESS under EMOTION_EDGE_CORPORA. Spark needs Java; a scheduler that is not
installed is left out. Prints a table and writes benchmarks/clusters.json. All are set up first and then take turns,
and each figure is the median of the rounds.

Files that do not exist take no time to classify, so what remains is the cost of handing out tasks, here with one file
each. A process can feed as many workers as a task of theirs is longer than the work of handing it out.
"""

import argparse
import importlib.util
import json
import os
import platform
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import psutil

from emotion_edge.batch.classify import CHUNKSIZE, classify_many

HERE = Path(__file__).parent
SUFFIXES = (".wav", ".flac")
WAYS = [(None, 1), *((way, n) for way in ("processes", "dask", "dask, memory kept", "Spark") for n in (1, 2))]
# dask's nanny makes its workers return each array to the system, which then provides the memory again page by page.
NANNY = "distributed.nanny.pre-spawn-environ"
KEPT = {f"{NANNY}.MALLOC_TRIM_THRESHOLD_": 1 << 24, f"{NANNY}.MALLOC_MMAP_THRESHOLD_": 1 << 22}
TASKS: dict[str | None, int] = {"Spark": 16}  # empty tasks; each takes long enough
TASKS_OTHERWISE = 200
CLEAN_UP = ExitStack()  # in a process that measures


@lru_cache
def classifier(way, n_workers):
    """A function that classifies paths in tasks of `chunksize` files; its workers are ready."""
    if way == "Spark":
        return spark(n_workers)
    if way is None:
        executor = None
    elif way == "processes":
        executor = CLEAN_UP.enter_context(ProcessPoolExecutor(n_workers, get_context("spawn")))
    else:
        import dask
        from distributed import Client

        with dask.config.set(KEPT if way.endswith("kept") else {}):
            client = Client(n_workers=n_workers, threads_per_worker=1, dashboard_address=":0")
        executor = CLEAN_UP.enter_context(client).get_executor()
    return lambda paths, chunksize: sum(1 for _ in classify_many(paths, executor=executor, chunksize=chunksize))


def spark(n_workers):
    """The function of the example, in `n_workers` processes of Spark."""
    sys.path.insert(0, examples := str(HERE.parent / "examples"))
    os.environ["PYTHONPATH"] = os.pathsep.join([examples, os.environ.get("PYTHONPATH", "")])
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    from pyspark.sql import SparkSession
    from spark_archive import SCHEMA, classify_frames

    session = SparkSession.builder.master(f"local[{n_workers}]").config("spark.ui.enabled", "false").getOrCreate()
    CLEAN_UP.callback(session.stop)

    def run(paths, chunksize):
        table = session.createDataFrame([(path,) for path in paths], "path string")
        return table.repartition(-(-len(paths) // chunksize)).mapInPandas(classify_frames, SCHEMA).count()

    return run


def clean_up():
    CLEAN_UP.close()


def timed(way, n_workers, paths, chunksize):
    """Runs in its own process: time, CPU time of all processes, and CPU time of the one that hands out tasks."""
    run = classifier(way, n_workers)
    before, began = cpu_s(), time.perf_counter()
    assert run(paths, chunksize) == len(paths)
    took_s, after = time.perf_counter() - began, cpu_s()
    coordinator = "java" if way == "Spark" else None
    return took_s, sum(after.values()) - sum(before.values()), after[coordinator] - before[coordinator]


def cpu_s():
    """CPU seconds by name of the process: None for this one, then its descendants."""
    used: dict[str | None, float] = {None: time.process_time()}
    for process in psutil.Process().children(recursive=True):
        times = process.cpu_times()  # including its children that have ended
        used[process.name()] = used.get(process.name(), 0.0) + sum(times[:4])
    return used


def available(way):
    module = "pyspark" if way == "Spark" else "distributed" if way and "dask" in way else "json"
    there = importlib.util.find_spec(module) is not None and (way != "Spark" or shutil.which("java") is not None)
    if not there:
        print(f"{way} is not installed: left out", file=sys.stderr)
    return there


def quiet():
    """Silence Spark's messages about the machine; failures come back as exceptions."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def measure(files, rounds):
    ways = [way for way in WAYS if available(way[0])]
    work, empty = {way: [] for way in ways}, {way: [] for way in ways}
    with ExitStack() as stack:
        processes: dict[Any, Any] = {
            way: stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"), quiet)) for way in ways
        }
        run = {way: partial(process.submit, timed, *way) for way, process in processes.items()}
        for way in ways:
            run[way](files[:64], files_per_task(way, 64)).result()
        for _ in range(rounds):
            for way in ways:
                work[way].append(run[way](files, files_per_task(way, len(files))).result())
                missing = [f"/nowhere/{number}.wav" for number in range(TASKS.get(way[0], TASKS_OTHERWISE))]
                empty[way].append([each / len(missing) for each in run[way](missing, 1).result()])
        for process in processes.values():
            process.submit(clean_up).result()
    return {name(*way): figures(work[way], empty[way], len(files)) for way in ways}


def files_per_task(way, n_files):
    """The number of files in a task; with Spark, as in the example, each process gets four tasks."""
    return -(-n_files // (4 * way[1])) if way[0] == "Spark" else CHUNKSIZE


def name(way, n_workers):
    return "no executor" if way is None else f"{way}, {n_workers}"


def figures(work, empty, n_files):
    took_s, cpu_s, _ = (median(values) for values in zip(*work, strict=True))
    task_s, _, handing_out_s = (median(values) for values in zip(*empty, strict=True))
    return {
        "files_per_s": round(n_files / took_s),
        "cpu_ms_per_file": round(1000 * cpu_s / n_files, 2),
        "ms_per_empty_task": round(1000 * task_s, 2),
        "cpu_ms_to_hand_out_a_task": round(1000 * handing_out_s, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    corpora = os.environ.get("EMOTION_EDGE_CORPORA")
    parser.add_argument("folder", nargs="?", type=Path, default=corpora and Path(corpora, "tess"))
    parser.add_argument("--files", type=int, default=400, help="the largest number of recordings to use")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.folder is None:
        parser.error("got no FOLDER: name a folder of recordings, or set EMOTION_EDGE_CORPORA")
    found = sorted(str(path) for path in options.folder.rglob("*") if path.suffix in SUFFIXES)
    files = found[:: -(-len(found) // options.files) or 1]
    ways = measure(files, options.rounds)
    result = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} cores",
        "recordings": {"folder": options.folder.name, "files": len(files)},
        "files_a_task": CHUNKSIZE,
        "ways": ways,
    }
    print(result["machine"], result["recordings"])
    print(f"{'':20} {'files/s':>8} {'CPU ms/file':>12} {'ms/empty task':>14} {'CPU ms to hand it out':>22}")
    for each, those in ways.items():
        print("{:20} {:8} {:12.2f} {:14.2f} {:22.2f}".format(each, *those.values()))
    (HERE / "clusters.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
