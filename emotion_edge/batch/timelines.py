"""Windows over many recordings: what `timeline` is to `classify`, this is to `classify_many`."""

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
from .classify import FileResult, names_of, results_of, stream, worker_classifier

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
    """The windows of many files; those of a file come together, in their order, and an error, if there is one, last.

    Workers put the windows of a file on the disk, in the system's folder for temporary files, which all of them must share:
    a day of sound has more of them than fit into the memory of a small machine.

    Args:
        paths, executor, model, keep_order, chunksize, buffersize: as for `classify_many`.
        window_s, step_s: as for `timeline`.

    Raises:
        ModelError, InterpreterError, BatchError: as `classify_many`.
        SettingsError: a length is out of its range.
    """
    names = names_of(paths, executor)
    if executor is None:
        return _here(names, EmotionClassifier(model), window_s, step_s)
    task = partial(_write_windows, os.fspath(model), window_s, step_s, os.urandom(8))
    return _by_executor(names, task, executor, keep_order=keep_order, chunksize=chunksize, buffersize=buffersize)


def _here(
    names: Iterator[str], classifier: EmotionClassifier, window_s: float | None, step_s: float | None
) -> Iterator[FileResult]:
    for name in names:
        yield from results_of(name, partial(timeline, model=classifier, window_s=window_s, step_s=step_s))


def _by_executor(
    names: Iterator[str], task: Callable[[str, Sequence[str]], list[str]], executor: Executor, **options: Any
) -> Iterator[FileResult]:
    with tempfile.TemporaryDirectory(prefix="emotion-edge-", ignore_cleanup_errors=True) as folder:
        for spool in stream(names, partial(task, folder), executor, **options):
            yield from _read(Path(spool))


def _write_windows(
    model: str, window_s: float | None, step_s: float | None, batch: bytes, folder: str, paths: Sequence[str]
) -> list[str]:
    """A task, as a worker runs it: a file of results for each path."""
    classifier = worker_classifier(model, None, batch)
    answers = partial(timeline, model=classifier, window_s=window_s, step_s=step_s)
    return [_spooled(results_of(path, answers), folder) for path in paths]


def _spooled(results: Iterator[FileResult], folder: str) -> str:
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        for result in results:
            pickle.dump(result, file)
        return file.name


def _read(spool: Path) -> Iterator[FileResult]:
    with spool.open("rb") as file:
        while file.peek(1):
            result: Any = pickle.load(file)
            yield result
    spool.unlink()
