"""Runs one function on many items, in this process or in several."""

from __future__ import annotations

import pickle
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any, Final, TypeVar

from emotion_edge import EmotionEdgeError

Item = TypeVar("Item")
Result = TypeVar("Result")

_CHUNK_SIZE: Final = 8


@contextmanager
def mapped(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Iterator[Result]]:
    """Yield an iterator over the results of a function, in the order of the items. It is valid inside the block.

    Args:
        function: called with one item at a time. Each process loads it once. With more than one job, the function,
            the items and the results must be picklable.
        items: the arguments for the calls.
        jobs: number of processes. With 1, everything runs in this process.

    Raises:
        EmotionEdgeError: one of the processes was killed.
    """
    if jobs == 1:
        yield map(function, items)
        return
    with _pool(function, jobs) as pool:
        try:
            yield pool.map(_apply, items, chunksize=_CHUNK_SIZE)
        except BrokenProcessPool as error:
            raise EmotionEdgeError(
                "a worker process was killed, perhaps because memory ran out: use fewer --jobs"
            ) from error
        except BaseException:
            # Usually Ctrl-C. The pool would wait for all tasks in progress, and for ever after a second Ctrl-C.
            for process in active_children():
                process.terminate()
            raise


@contextmanager
def _pool(function: Callable[[Any], Any], jobs: int) -> Iterator[ProcessPoolExecutor]:
    with tempfile.TemporaryDirectory() as folder:
        # Pass the function through a file. A function that holds sounds is larger than a pipe's buffer, and Python
        # waits for ever if a process ends before it has read the rest.
        file = Path(folder) / "function"
        file.write_bytes(pickle.dumps(function))
        # Spawn, not fork: the threads of an interpreter or of TensorFlow do not survive a fork.
        with ProcessPoolExecutor(jobs, get_context("spawn"), _start, (file,)) as pool:
            yield pool


_function: Callable[[Any], Any]  # set in each worker process


def _start(file: Path) -> None:
    global _function
    # Ctrl-C reaches all processes. A worker that it interrupts during a read would block the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _function = pickle.loads(file.read_bytes())


def _apply(item: Any) -> Any:
    return _function(item)
