"""Worker processes that share the files, and what happens if one of them dies."""

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

_TASKS_PER_WORKER: Final = 4
_DIED: Final = "the process that read it died: perhaps it ran out of memory, or the file made it crash"

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Work(Protocol):
    """`classify_many` or `timeline_many` with the arguments that are the same in every call already set."""

    def __call__(
        self, paths: Iterator[str], *, executor: Executor, chunksize: int, buffersize: int
    ) -> Iterator[FileResult]:
        """Yield the results."""
        ...


def run_in_processes(
    work: Work, paths: Iterator[str], jobs: int, *, chunksize: int, start_log: Callable[[int], None]
) -> Iterator[FileResult]:
    """Yield the results of many files from several processes.

    If a process dies, all of them are started again, and the files that had no result yet are tried one at a time. A
    file that kills its process again gives a result with an error.

    Args:
        work: the function that makes the results.
        paths: the paths of the files.
        jobs: the number of processes.
        chunksize: the number of files per task.
        start_log: called in each process with the log level of this process. It is pickled, so it must be a function at
            the top level of a module.

    Raises:
        BatchError: processes cannot be started, or have no room on the disk for their results.
    """
    alone = jobs == chunksize == 1
    while True:
        try:
            with _processes(jobs, start_log) as executor:
                buffersize = 1 if alone else _TASKS_PER_WORKER * jobs
                yield from work(paths, executor=executor, chunksize=chunksize, buffersize=buffersize)
            return
        except BatchError as error:
            if isinstance(error.__cause__, OSError):  # no room on the disk, or no new processes: no file is at fault
                raise
            if alone:
                yield from (FileResult(path, None, f"{path}: {_DIED}") for path in error.paths)
            else:
                _log.warning("%s: trying them again, one at a time", error)
                yield from run_in_processes(work, iter(error.paths), 1, chunksize=1, start_log=start_log)


class _Processes(ProcessPoolExecutor):
    """Processes that ignore Ctrl-C, even while they start. `submit` starts them when it needs another one."""

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
    """Start processes that end with the `with` block, and also when this process ends for whatever reason."""
    context = get_context("spawn")  # a fork would copy locks that other threads hold
    worker_end, our_end = context.Pipe(duplex=False)
    executor = _Processes(n, context, _start_worker, (worker_end, start_log, _log.getEffectiveLevel()))
    try:
        yield executor
        executor.shutdown()
    finally:
        our_end.close()
        executor.shutdown(cancel_futures=True)
        worker_end.close()


def _start_worker(lifeline: Connection, start_log: Callable[[int], None], level: int) -> None:
    """Prepare a new process: it ignores Ctrl-C, and it exits when the process that started it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start_log(level)
    threading.Thread(target=_exit_with_parent, args=(lifeline,), daemon=True).start()


def _exit_with_parent(lifeline: Connection) -> None:
    wait([lifeline])  # nothing is ever sent: the pipe becomes readable when its other end is closed
    os._exit(1)
