"""`emotion-edge serve` as a real process, to which tests send requests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

TOKEN = "a-token-for-the-tests-0123456789"


@dataclass
class Server:
    """A running server.

    Attributes:
        url: the address of its page.
        process: its process.
        messages: the lines that it has printed on stderr since it started serving.
        reading: the thread that collects them, so that the pipe never fills up.
    """

    url: str
    process: subprocess.Popen[str]
    messages: list[str]
    reading: threading.Thread

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.url.rstrip("/").rpartition(":")[2])

    def live_url(self, query: str = "rate=16000") -> str:
        """The address of the live socket."""
        return f"ws://127.0.0.1:{self.port}/api/live?{query}"

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Stop the server. Return its exit status and everything it has printed on stderr since it started serving."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(30)
        self.reading.join(30)
        return status, "".join(self.messages)


@contextmanager
def serving(*arguments: Any, before: Callable[[], None] | None = None, **environment: str) -> Iterator[Server]:
    """A server on a free port. It must end with status 0, and print nothing on stderr but its address and warnings
    about truncated uploads.

    Args:
        arguments: the arguments of the command.
        before: a function to run in the new process before the command.
        environment: additional environment variables.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "emotion_edge", "serve", "--port", "0", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        preexec_fn=before,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    address = re.search(r"serving (http://\S+/)", first)
    if address is None:
        process.kill()
        raise AssertionError(first + process.stderr.read())
    messages: list[str] = []
    reading = threading.Thread(target=messages.extend, args=(process.stderr,), daemon=True)
    reading.start()
    server = Server(f"http://127.0.0.1:{address[1].rstrip('/').rpartition(':')[2]}/", process, messages, reading)
    try:
        yield server
        status, _ = server.stop()
        assert (status, [line for line in messages if "ends earlier than its header says" not in line]) == (0, [])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reading.join(30)
        process.stderr.close()


def wait_for(server: Server, gauge: str, value: int) -> None:
    """Wait until one of its metrics has a value."""
    until = time.monotonic() + 20
    while f"\n{gauge} {value}.0\n" not in httpx.get(server.url + "metrics", trust_env=False).text:
        assert time.monotonic() < until, f"{gauge} is never {value}"
        time.sleep(0.02)
