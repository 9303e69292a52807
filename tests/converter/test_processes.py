"""Work shared by processes: results keep their order, and all processes end together."""

from __future__ import annotations

import functools
import operator
import os
import signal
import subprocess
import sys
import time

import pytest
from emotion_edge_converter import processes

from emotion_edge import EmotionEdgeError


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_have_the_order_of_the_items(jobs):
    with processes.mapped(operator.neg, range(30), jobs) as results:
        assert list(results) == [-number for number in range(30)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_the_function_is_raised_here(jobs):
    with pytest.raises(ZeroDivisionError), processes.mapped((1).__truediv__, [1, 0], jobs) as results:
        list(results)


def test_a_process_that_is_killed():
    with (
        pytest.raises(EmotionEdgeError, match="was killed, perhaps because memory ran out: use fewer --jobs"),
        processes.mapped(os._exit, [9], 2) as results,
    ):
        list(results)


class _ExitsOnLoading:
    def __reduce__(self):
        return os._exit, (9,)


def test_a_process_that_ends_while_it_starts():
    large = functools.partial(operator.add, (_ExitsOnLoading(), bytes(1 << 20)))
    with (
        pytest.raises(EmotionEdgeError, match="was killed"),
        processes.mapped(large, [()], 2) as results,
    ):
        list(results)


@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
def test_ctrl_c_ends_all_of_them():
    script = (
        "import signal, time\n"
        "from emotion_edge_converter import processes\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # the parent process may ignore it\n"
        "with processes.mapped(time.sleep, [0] * 8 + [600] * 32, 2) as results:\n"
        "    for _ in results:\n"
        "        print('started', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as running:
        try:
            running.stdout.readline()
            os.killpg(running.pid, signal.SIGINT)
            _, stderr = running.communicate(timeout=60)
            assert stderr.splitlines()[-1] == b"KeyboardInterrupt"
            until = time.monotonic() + 30
            while _is_alive(running.pid) and time.monotonic() < until:
                time.sleep(0.05)
            assert not _is_alive(running.pid)
        finally:
            if _is_alive(running.pid):
                os.killpg(running.pid, signal.SIGKILL)


def _is_alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
