"""Timelines of many recordings: one answer per window of each file."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..classifier import EmotionClassifier
from ..model.file import DEFAULT_MODEL
from ..timelines import timeline
from .classify import FileResult, file_results, path_names, run_tasks, worker_classifier

if TYPE_CHECKING:
    from concurrent.futures import Executor


def timeline_many(
    paths: Iterable[str | os.PathLike[str]],
    *,
    executor: Executor | None = None,
    model: str | os.PathLike[str] = DEFAULT_MODEL,
    window_s: float | None = None,
    step_s: float | None = None,
    keep_order: bool = False,
    chunksize: int = 1,
    buffersize: int = 64,
) -> Iterator[FileResult]:
    """Classify the windows of many files.

    The results of a file come together and in the order of its windows. If the file has an error, it comes last.
    Workers write the results of a file to a temporary file, because a day of sound has more windows than fit into the
    memory of a small machine. All workers must share the system's folder for temporary files.

    Args:
        paths, executor, model, keep_order, chunksize, buffersize: as for `classify_many`.
        window_s, step_s: as for `timeline`.

    Yields:
        One result per window of each file.

    Raises:
        ModelError, InterpreterError, BatchError, TypeError: as for `classify_many`.
        SettingsError: `window_s` or `step_s` is out of its range.
    """
    names = path_names(paths, executor)
    if executor is None:
        return _in_this_thread(names, EmotionClassifier(model), window_s, step_s)
    task = partial(_write_windows, os.fspath(model), window_s, step_s, os.urandom(8))
    return _with_executor(names, task, executor, keep_order=keep_order, chunksize=chunksize, buffersize=buffersize)


def _in_this_thread(
    names: Iterator[str], classifier: EmotionClassifier, window_s: float | None, step_s: float | None
) -> Iterator[FileResult]:
    for name in names:
        yield from file_results(name, partial(timeline, model=classifier, window_s=window_s, step_s=step_s))


def _with_executor(
    names: Iterator[str], task: Callable[[str, Sequence[str]], list[str]], executor: Executor, **options: Any
) -> Iterator[FileResult]:
    with tempfile.TemporaryDirectory(prefix="emotion-edge-", ignore_cleanup_errors=True) as folder:
        for spool in run_tasks(names, partial(task, folder), executor, **options):
            yield from _read_spool(Path(spool))


def _write_windows(
    model: str, window_s: float | None, step_s: float | None, batch: bytes, folder: str, paths: Sequence[str]
) -> list[str]:
    """Run one task in a worker: write a temporary file of results for each path and return the names of these files."""
    classifier = worker_classifier(model, None, batch)
    predict = partial(timeline, model=classifier, window_s=window_s, step_s=step_s)
    return [_write_spool(file_results(path, predict), folder) for path in paths]


def _write_spool(results: Iterator[FileResult], folder: str) -> str:
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        for result in results:
            pickle.dump(result, file)
        return file.name


def _read_spool(spool: Path) -> Iterator[FileResult]:
    with spool.open("rb") as file:
        while file.peek(1):
            result: Any = pickle.load(file)
            yield result
    spool.unlink()
