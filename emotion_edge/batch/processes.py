"""Processes that share the work, and what happens when one of them dies."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final, Protocol, TypeVar

from ..errors import BatchError
from .classify import FileResult

_TASKS_A_WORKER: Final = 4
_DIED: Final = "the process that read it died: it ran out of memory, perhaps, or the file made it crash"

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Work(Protocol):
    """`classify_many` or `timeline_many`, but for what is the same in every call."""

    def __call__(
        self, paths: Iterator[str], *, executor: Executor, chunksize: int, buffersize: int
    ) -> Iterator[FileResult]:
        """The results."""
        ...


def shared(
    work: Work, paths: Iterator[str], jobs: int, *, chunksize: int, start_log: Callable[[int], None]
) -> Iterator[FileResult]:
    """The results of some paths, by `jobs` processes, `chunksize` paths at a time each.

    When one of them dies all are started again, and what they were about is asked about one file at a time: a file that kills
    its process once more is a result with an error.

    Args:
        work: what to do.
        paths: the files.
        jobs: how many processes.
        chunksize: files a task.
        start_log: called in each process with the level of this one's log. It must be a function of a module, for it is pickled.

    Raises:
        BatchError: processes cannot be started, or have no room for what they make.
    """
    alone = jobs == chunksize == 1
    while True:
        try:
            with _processes(jobs, start_log) as executor:
                buffersize = 1 if alone else _TASKS_A_WORKER * jobs
                yield from work(paths, executor=executor, chunksize=chunksize, buffersize=buffersize)
            return
        except BatchError as error:
            if isinstance(error.__cause__, OSError):  # no disk, no processes: no file is to blame
                raise
            if alone:
                yield from (FileResult(path, None, f"{path}: {_DIED}") for path in error.paths)
            else:
                _log.warning("%s: they are asked about again, one at a time", error)
                yield from shared(work, iter(error.paths), 1, chunksize=1, start_log=start_log)


class _Processes(ProcessPoolExecutor):
    """Processes that do not hear Ctrl-C, not even while they start, which is when `submit` needs another one."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        if not hasattr(signal, "pthread_sigmask"):  # Windows
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a new process inherits it
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _processes(n: int, start_log: Callable[[int], None]) -> Iterator[Executor]:
    """Processes that end with the block, and with this process, however it ends."""
    context = get_context("spawn")  # a fork would copy locks that other threads hold
    theirs, ours = context.Pipe(duplex=False)
    executor = _Processes(n, context, _begin, (theirs, start_log, _log.getEffectiveLevel()))
    try:
        yield executor
        executor.shutdown()
    finally:
        ours.close()
        executor.shutdown(cancel_futures=True)
        theirs.close()


def _begin(lifeline: Connection, start_log: Callable[[int], None], level: int) -> None:
    """In a new process: leave Ctrl-C to the one that started us, and end when that does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start_log(level)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    wait([lifeline])  # nothing is ever sent: it is readable when nobody can send any more
    os._exit(1)
