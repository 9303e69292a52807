"""The same work on many things, in this process or shared by several."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import Any, Final, TypeVar

from emotion_edge import EmotionEdgeError

Thing = TypeVar("Thing")
Result = TypeVar("Result")

_AT_ONCE: Final = 8


@contextmanager
def mapped(function: Callable[[Thing], Result], things: Sequence[Thing], jobs: int) -> Iterator[Iterator[Result]]:
    """What a function says of each thing, in their order, while the block lasts.

    Args:
        function: with more than one job it, the things and the results must pickle; it is sent once a process.
        things: at least one.
        jobs: how many processes; 1 is this one.

    Raises:
        EmotionEdgeError: one of the processes was ended from outside.
    """
    if jobs == 1:
        yield map(function, things)
        return
    # Started anew, not forked: the threads of an interpreter or of TensorFlow do not survive a fork.
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start, (function,)) as pool:
        try:
            yield pool.map(_apply, things, chunksize=_AT_ONCE)
        except BrokenProcessPool:
            raise EmotionEdgeError(
                "a process was ended from outside, for want of memory perhaps: fewer --jobs"
            ) from None
        except BaseException:
            # Ctrl-C, mostly; the pool would wait for all that was begun, and after a second one for ever
            for process in active_children():
                process.terminate()
            raise


_function: Callable[[Any], Any]  # of a process that `mapped` started


def _start(function: Callable[[Any], Any]) -> None:
    global _function
    # Ctrl-C reaches all; a worker that it stops in a read blocks the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _function = function


def _apply(thing: Any) -> Any:
    return _function(thing)
