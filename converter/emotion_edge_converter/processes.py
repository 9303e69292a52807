"""The same work on many things, in this process or shared by several."""

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

Thing = TypeVar("Thing")
Result = TypeVar("Result")

_AT_ONCE: Final = 8


@contextmanager
def mapped(function: Callable[[Thing], Result], things: Sequence[Thing], jobs: int) -> Iterator[Iterator[Result]]:
    """What a function says of each thing, in their order, while the block lasts.

    Args:
        function: with more than one job it, the things and the results must pickle; each process loads it once.
        things: what it is called with.
        jobs: how many processes; 1 is this one.

    Raises:
        EmotionEdgeError: one of the processes was ended from outside.
    """
    if jobs == 1:
        yield map(function, things)
        return
    with _pool(function, jobs) as pool:
        try:
            yield pool.map(_apply, things, chunksize=_AT_ONCE)
        except BrokenProcessPool as error:
            raise EmotionEdgeError(
                "a process was ended from outside, for want of memory perhaps: fewer --jobs"
            ) from error
        except BaseException:
            # Ctrl-C, mostly; the pool would wait for all that was begun, and after a second one for ever
            for process in active_children():
                process.terminate()
            raise


@contextmanager
def _pool(function: Callable[[Any], Any], jobs: int) -> Iterator[ProcessPoolExecutor]:
    with tempfile.TemporaryDirectory() as folder:
        # Through a file: a function with sounds in it is larger than a pipe holds, and Python waits for ever for a process
        # that ends while it starts to read the rest.
        file = Path(folder) / "function"
        file.write_bytes(pickle.dumps(function))
        # Started anew, not forked: the threads of an interpreter or of TensorFlow do not survive a fork.
        with ProcessPoolExecutor(jobs, get_context("spawn"), _start, (file,)) as pool:
            yield pool


_function: Callable[[Any], Any]  # of a process that `mapped` started


def _start(file: Path) -> None:
    global _function
    # Ctrl-C reaches all; a worker that it stops in a read blocks the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _function = pickle.loads(file.read_bytes())


def _apply(thing: Any) -> Any:
    return _function(thing)
