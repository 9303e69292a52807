"""Classifies many files with any executor and yields their results.

The executor decides which machine does what. This module divides the files into tasks, limits how many tasks are
submitted at a time, and yields results as soon as they are ready. So the memory that it needs does not depend on the
number of files.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..classifier import EmotionClassifier
from ..errors import AudioError, BatchError, EmotionEdgeError
from ..model.file import DEFAULT_MODEL
from ..prediction import Prediction

if TYPE_CHECKING:  # imported only where it is used, to keep `import emotion_edge` fast
    from concurrent.futures import Executor, Future

T = TypeVar("T")

CHUNKSIZE: Final = 16
"""Files per task: about 0.1 s of work, compared to which sending the task costs little."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileResult:
    """The result of one file: a prediction or an error.

    Attributes:
        path: the path as it was given.
        prediction: the prediction; None if there is an error.
        error: a sentence that says why there is no prediction; None if there is one.

    Examples:
        >>> from emotion_edge import classify_many
        >>> good, bad = classify_many(["hello.wav", "missing.wav"], keep_order=True)
        >>> good.path, good.prediction.label, good.error
        ('hello.wav', 'neutral', None)
        >>> bad.path, bad.prediction, bad.error
        ('missing.wav', None, 'missing.wav: no such file')
    """

    path: str
    prediction: Prediction | None
    error: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON: `path` with the fields of the prediction, or `path` and `error`.

        Examples:
            >>> from emotion_edge import FileResult
            >>> FileResult("missing.wav", None, "missing.wav: no such file").to_dict()
            {'path': 'missing.wav', 'error': 'missing.wav: no such file'}
        """
        if self.prediction is None:
            return {"path": self.path, "error": self.error}
        return {"path": self.path, **self.prediction.to_dict()}


def classify_many(
    paths: Iterable[str | os.PathLike[str]],
    *,
    executor: Executor | None = None,
    model: str | os.PathLike[str] = DEFAULT_MODEL,
    interpreter: str | None = None,
    keep_order: bool = False,
    chunksize: int = CHUNKSIZE,
    buffersize: int = 64,
) -> Iterator[FileResult]:
    """Classify many files, in this thread or with an executor.

    The executor may have processes, threads, or a cluster that offers the interface of `concurrent.futures.Executor`.
    A file that cannot be used gives a result with an error and does not stop the batch. Each worker loads the model
    once.

    Args:
        paths: the paths of the files, as the workers see them. They are read as results are needed, so they may come
            from an endless generator.
        executor: does the work; it is not shut down at the end. With None this thread classifies one file after
            another.
        model: the name of a shipped model, or the path of a `.tflite` file with a recipe, as the workers see it.
        interpreter: as for `EmotionClassifier`.
        keep_order: True yields results in the order of the paths, False as soon as they are ready.
        chunksize: the number of files per task.
        buffersize: the largest number of tasks that are submitted but not yet yielded. Use at least twice the number of
            workers.

    Yields:
        One result per path.

    Raises:
        ModelError, InterpreterError: the model cannot be used.
        BatchError: the executor lost a task, for example because a process was killed. The finished results are yielded
            before; the error has the paths of the others.
        ValueError: `chunksize` or `buffersize` is less than 1.
        TypeError: `paths` is a single path, or `executor` is not an executor.

    Examples:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from emotion_edge import classify_many
        >>> with ThreadPoolExecutor(2) as executor:
        ...     for result in classify_many(["hello.wav", "silence.wav"], executor=executor, keep_order=True):
        ...         print(result.path, result.prediction.status, result.prediction.label)
        hello.wav ok neutral
        silence.wav no_speech None
    """
    if chunksize < 1 or buffersize < 1:
        raise ValueError(f"chunksize and buffersize: got {chunksize} and {buffersize}, wanted 1 or more")
    task = partial(_classify, os.fspath(model), interpreter, os.urandom(8))
    names = path_names(paths, executor)
    if executor is None:
        return (result for path in names for result in task([path]))
    return run_tasks(names, task, executor, keep_order=keep_order, chunksize=chunksize, buffersize=buffersize)


def path_names(paths: Iterable[str | os.PathLike[str]], executor: object) -> Iterator[str]:
    """Return the paths as text after checking the types of both arguments.

    A single path is refused: a string is iterable, so each of its letters would be a path.

    Raises:
        TypeError: `paths` is a single path, or `executor` is not an executor.
    """
    if isinstance(paths, str | bytes | os.PathLike):
        raise TypeError(f"paths: got {paths!r}, wanted a list of paths: try [{paths!r}]")
    if not (executor is None or hasattr(executor, "submit")):
        raise TypeError(f"executor: got {executor!r}, wanted a concurrent.futures.Executor, or None")
    return (os.fspath(path) for path in paths)


def file_results(path: str, predict: Callable[[str], Iterable[Prediction]]) -> Iterator[FileResult]:
    """Yield the predictions for a file as results. If the file cannot be used, the last result has the error.

    Args:
        path: the path of the file.
        predict: returns the predictions for a path.

    Raises:
        EmotionEdgeError: something other than the file is at fault.
    """
    try:
        for prediction in predict(path):
            yield FileResult(path, prediction, None)
    except AudioError as error:
        yield FileResult(path, None, str(error))
    except EmotionEdgeError:
        raise
    except Exception as error:  # an unexpected error in one file must not stop a batch that has run all night
        _log.debug("%s", path, exc_info=True)
        yield FileResult(path, None, f"{path}: {type(error).__name__}: {error}")


def _classify(model: str, interpreter: str | None, batch: bytes, paths: Sequence[str]) -> list[FileResult]:
    """Run one task in a worker."""
    classifier = worker_classifier(model, interpreter, batch)
    return [result for path in paths for result in file_results(path, lambda path: [classifier.classify(path)])]


@lru_cache(maxsize=4)
def worker_classifier(model: str, interpreter: str | None, batch: bytes) -> EmotionClassifier:
    """Load a classifier once per batch and worker. A worker may live longer than the content of the model file."""
    return EmotionClassifier(model, interpreter=interpreter)


def run_tasks(
    paths: Iterator[str],
    task: Callable[[Sequence[str]], list[T]],
    executor: Executor,
    *,
    keep_order: bool,
    chunksize: int,
    buffersize: int,
) -> Iterator[T]:
    """Yield the results of tasks of `chunksize` paths each. `classify_many` describes the arguments."""
    from concurrent.futures import wait

    in_flight: dict[Future[list[T]], list[str]] = {}  # in the order of the paths
    more = True
    try:
        while more or in_flight:
            if more and len(in_flight) < buffersize:
                chunk = list(islice(paths, chunksize))
                more = bool(chunk)
                if chunk:
                    in_flight[_submit(executor, task, chunk)] = chunk
            room = more and len(in_flight) < buffersize
            for future in _done_futures(in_flight, keep_order=keep_order, wait_for_one=not room):
                failure = _failure(future)
                if failure is not None:
                    yield from _remove_finished(in_flight)
                    raise _batch_error(failure, [path for chunk in in_flight.values() for path in chunk])
                yield from future.result()
                del in_flight[future]
    finally:
        # Wait for the tasks that still run: they may be writing to a folder that the caller removes next.
        wait([future for future in in_flight if not future.cancel()])


def _done_futures(in_flight: Iterable[Future[T]], *, keep_order: bool, wait_for_one: bool) -> list[Future[T]]:
    """Return the tasks that are done; with `keep_order` only those before the first that is not done."""
    from concurrent.futures import FIRST_COMPLETED, wait

    wanted = list(islice(in_flight, 1)) if keep_order else list(in_flight)
    wait(wanted, timeout=None if wait_for_one else 0, return_when=FIRST_COMPLETED)
    if keep_order:
        return list(takewhile(lambda future: future.done(), in_flight))
    return [future for future in in_flight if future.done()]


def _submit(executor: Executor, task: Callable[[Sequence[str]], list[T]], chunk: list[str]) -> Future[list[T]]:
    """Submit a task. If the executor refuses it, the task fails like one that the executor lost."""
    from concurrent.futures import Future

    try:
        return executor.submit(task, chunk)
    except (RuntimeError, OSError) as error:  # the executor is broken or shut down, or cannot start another process
        refused: Future[list[T]] = Future()
        refused.set_exception(error)
        return refused


def _failure(future: Future[Any]) -> BaseException | None:
    """Return why a task that is done has no result; None if it has one."""
    from concurrent.futures import CancelledError

    try:
        return future.exception()
    except CancelledError as error:
        return error


def _remove_finished(in_flight: dict[Future[list[T]], list[str]]) -> Iterator[T]:
    """Yield the results that are ready and remove their tasks."""
    for future in list(in_flight):
        if future.done() and _failure(future) is None:
            yield from future.result()
            del in_flight[future]


def _batch_error(failure: BaseException, unanswered: Sequence[str]) -> BaseException:
    if isinstance(failure, EmotionEdgeError):
        return failure
    kind = type(failure).__name__
    reason = (
        f"the work cannot continue ({failure})"
        if isinstance(failure, OSError)
        else f"a worker was lost ({kind}: {failure}): it was killed, ran out of memory, or a file made it crash"
    )
    error = BatchError(f"{reason}; {len(unanswered)} files that were being classified have no result", unanswered)
    error.__cause__ = failure
    return error
