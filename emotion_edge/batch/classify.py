"""Many files: a stream of results, made by whatever executor is given.

Which machine does what is the executor's business. Here files are cut into tasks, no more tasks are handed out than may wait,
and results come as they are made, so that memory does not depend on how many files there are.
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

if TYPE_CHECKING:  # it is imported where it is used: `import emotion_edge` is to stay quick
    from concurrent.futures import Executor, Future

T = TypeVar("T")

CHUNKSIZE: Final = 16
"""Files a task: 0.1 s of work or so, against which it costs little to send it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileResult:
    """What became of one file.

    Attributes:
        path: as it was given.
        prediction: the answer; None where there is an error.
        error: why there is no answer, in a sentence; None where there is one.
    """

    path: str
    prediction: Prediction | None
    error: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: the path with the prediction's fields, or with `error`."""
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
    """Classify many files, here or by an executor: processes, threads, or a cluster that has a `concurrent.futures.Executor`.

    A file that cannot be used is a result with an error, and not the end. Each worker loads the model once.

    Args:
        paths: as the workers see them; read as results are taken, so it may be endless.
        executor: who does the work; it is not shut down. None: this thread, one file after another.
        model: the name of a shipped model, or the path of a `.tflite` file with a recipe, as the workers see it.
        interpreter: as for `EmotionClassifier`.
        keep_order: yield in the order of the paths. Else as they are made, which needs no waiting for a long file.
        chunksize: files a task.
        buffersize: tasks handed out whose results are not taken yet: at least twice as many as there are workers.

    Yields:
        One result a path.

    Raises:
        ModelError, InterpreterError: no file can be classified with this.
        BatchError: the executor lost a task (a killed process, say). What was finished is yielded before; the error has
            the paths that were not.
        ValueError: less than one file a task, or task.
        TypeError: one path in place of several, or an executor that is none.
    """
    if chunksize < 1 or buffersize < 1:
        raise ValueError(f"chunksize and buffersize: got {chunksize} and {buffersize}, wanted 1 or more")
    task = partial(_classify, os.fspath(model), interpreter, os.urandom(8))
    names = names_of(paths, executor)
    if executor is None:
        return (result for path in names for result in task([path]))
    return stream(names, task, executor, keep_order=keep_order, chunksize=chunksize, buffersize=buffersize)


def names_of(paths: Iterable[str | os.PathLike[str]], executor: object) -> Iterator[str]:
    """The paths as text, and nothing that only looks like them: a name is a series of letters, too.

    Raises:
        TypeError: as `classify_many` does.
    """
    if isinstance(paths, str | bytes | os.PathLike):
        raise TypeError(f"paths: got {paths!r}, wanted several, [{paths!r}] perhaps")
    if not (executor is None or hasattr(executor, "submit")):
        raise TypeError(f"executor: got {executor!r}, wanted a concurrent.futures.Executor, or None")
    return (os.fspath(path) for path in paths)


def results_of(path: str, answers: Callable[[str], Iterable[Prediction]]) -> Iterator[FileResult]:
    """A file's answers, and, where something is wrong with it, a last result that tells what: the next file has its turn.

    Raises:
        EmotionEdgeError: what is wrong is not the file.
    """
    try:
        for prediction in answers(path):
            yield FileResult(path, prediction, None)
    except AudioError as error:
        yield FileResult(path, None, str(error))
    except EmotionEdgeError:
        raise
    except Exception as error:  # a file that nobody thought of is no reason to stop after a night's work
        _log.debug("%s", path, exc_info=True)
        yield FileResult(path, None, f"{path}: {type(error).__name__}: {error}")


def _classify(model: str, interpreter: str | None, batch: bytes, paths: Sequence[str]) -> list[FileResult]:
    """A task, as a worker runs it."""
    classifier = worker_classifier(model, interpreter, batch)
    return [result for path in paths for result in results_of(path, lambda path: [classifier.classify(path)])]


@lru_cache(maxsize=4)
def worker_classifier(model: str, interpreter: str | None, batch: bytes) -> EmotionClassifier:
    """Loaded once a batch, not once a worker's life: workers may outlive what is in the model's file."""
    return EmotionClassifier(model, interpreter=interpreter)


def stream(
    paths: Iterator[str],
    task: Callable[[Sequence[str]], list[T]],
    executor: Executor,
    *,
    keep_order: bool,
    chunksize: int,
    buffersize: int,
) -> Iterator[T]:
    """What an executor makes of tasks of `chunksize` paths each, as `classify_many` describes it."""
    from concurrent.futures import wait

    in_flight: dict[Future[list[T]], list[str]] = {}  # in the order of the paths
    more = True
    try:
        while more or in_flight:
            if more and len(in_flight) < buffersize:
                chunk = list(islice(paths, chunksize))
                more = bool(chunk)
                if chunk:
                    in_flight[_submitted(executor, task, chunk)] = chunk
            room = more and len(in_flight) < buffersize
            for future in _ended(in_flight, keep_order=keep_order, wait_for_one=not room):
                failure = _failure(future)
                if failure is not None:
                    yield from _finished(in_flight)
                    raise _as_batch_error(failure, [path for chunk in in_flight.values() for path in chunk])
                yield from future.result()
                del in_flight[future]
    finally:
        wait(
            [future for future in in_flight if not future.cancel()]
        )  # they may be writing where the caller cleans up next


def _ended(in_flight: Iterable[Future[T]], *, keep_order: bool, wait_for_one: bool) -> list[Future[T]]:
    """The tasks that have ended, or, in order, those up to the first that has not."""
    from concurrent.futures import FIRST_COMPLETED, wait

    wanted = list(islice(in_flight, 1)) if keep_order else list(in_flight)
    wait(wanted, timeout=None if wait_for_one else 0, return_when=FIRST_COMPLETED)
    if keep_order:
        return list(takewhile(lambda future: future.done(), in_flight))
    return [future for future in in_flight if future.done()]


def _submitted(executor: Executor, task: Callable[[Sequence[str]], list[T]], chunk: list[str]) -> Future[list[T]]:
    """A task handed out; one that an executor no longer takes fails like one that it lost."""
    from concurrent.futures import Future

    try:
        return executor.submit(task, chunk)
    except (RuntimeError, OSError) as error:  # it is broken, or shut down, or cannot start another process
        refused: Future[list[T]] = Future()
        refused.set_exception(error)
        return refused


def _failure(future: Future[Any]) -> BaseException | None:
    """Why a task has no result, once it has ended."""
    from concurrent.futures import CancelledError

    try:
        return future.exception()
    except CancelledError as error:
        return error


def _finished(in_flight: dict[Future[list[T]], list[str]]) -> Iterator[T]:
    """The results that are there already; their tasks are taken out."""
    for future in list(in_flight):
        if future.done() and _failure(future) is None:
            yield from future.result()
            del in_flight[future]


def _as_batch_error(failure: BaseException, unanswered: Sequence[str]) -> BaseException:
    if isinstance(failure, EmotionEdgeError):
        return failure
    kind = type(failure).__name__
    reason = (
        f"the work cannot go on ({failure})"
        if isinstance(failure, OSError)
        else f"a worker was lost ({kind}: {failure}): it was killed, ran out of memory, or a file made it crash"
    )
    error = BatchError(f"{reason}; {len(unanswered)} files that were handed out have no answer", unanswered)
    error.__cause__ = failure
    return error
