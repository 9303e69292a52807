"""What can go wrong around a server, and how it reacts: docs/outcomes.md says the same in words."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import shutil
import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest
from servers import serving
from sounds import SPOKEN

from emotion_edge import EmotionClassifier
from emotion_edge.model.file import shipped

HELLO = SPOKEN[2].read_bytes()
INVALID = "Invalid multipart data."
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits, names and links work differently"),
    pytest.mark.usefixtures("as_a_fresh_process"),
]


def expected():
    return EmotionClassifier().classify(SPOKEN[2]).to_dict()


def post(url, content=HELLO, **options):
    return httpx.post(url + "api/classify", content=content, timeout=30, trust_env=False, **options)


def test_more_connections_than_it_may_have_files():
    """They wait. The server warns once, and answers when there is room."""
    import resource

    def few_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))

    with serving(before=few_files, COVERAGE_PROCESS_CONFIG="") as server:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
        while not server.messages:
            time.sleep(0.01)
        for connection in idle:
            connection.close()
        assert post(server.url).json() == expected()
        sentence = "connections are waiting: this process has reached its limit of open files (ulimit -n)\n"
        assert server.messages == [f"emotion-edge: {sentence}"]
        server.messages.clear()


def test_a_server_that_ends_with_connections_waiting_prints_no_traceback():
    """A second after there were no more files asyncio listens again, although the socket may be closed by then."""
    from emotion_edge.web.server import _NoMoreConnections

    async def listen_again_after_the_end():
        loop: Any = asyncio.get_running_loop()
        listening = socket.socket()
        listening.close()
        loop.call_soon(loop._start_serving, asyncio.Protocol, listening)
        loop.call_soon(lambda: [][0])
        await asyncio.sleep(0.01)

    logger, shown = logging.getLogger("asyncio"), io.StringIO()
    handler, silence = logging.StreamHandler(shown), _NoMoreConnections()
    logger.addFilter(silence)
    logger.addHandler(handler)
    try:
        asyncio.run(listen_again_after_the_end())
    finally:
        logger.removeHandler(handler)
        logger.removeFilter(silence)
    assert "_start_serving" not in shown.getvalue()
    assert "list index out of range" in shown.getvalue()  # what else fails is still logged


def test_names_a_clock_and_a_model_that_go_astray(tmp_path):
    """Names that are not text, in any locale; a read-only model, then deleted; a clock that runs backwards."""
    model = tmp_path / os.fsdecode(b"bad\xff\nname") / "mine.tflite"
    model.parent.mkdir()
    shutil.copy(shipped()["five-emotions"], model)
    model.chmod(0o400)
    model.parent.chmod(0o500)
    (tmp_path / "sitecustomize.py").write_text(
        "import itertools, time\nbefore, looks = time.time, itertools.count()\n"
        "time.time = lambda: before() - 3600 * next(looks)\n"
    )
    environment: dict[str, Any] = {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    }
    with serving("--model", model, **environment) as server:
        model.parent.chmod(0o700)
        shutil.rmtree(model.parent)
        assert post(server.url).json() == expected()
        for name in (b"../../etc/passwd", b"bad\xff\xfe.wav", b"x" * 2000, b"line\rbreak"):
            form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
            headers = {"content-type": "multipart/form-data; boundary=x"}
            answer = post(server.url, form + HELLO + b"\r\n--x--\r\n", headers=headers)
            assert answer.json() == ({"error": f"the form cannot be read: {INVALID}"} if b"\r" in name else expected())
        assert httpx.get(server.url + "metrics", trust_env=False).status_code == 200


def test_nothing_reads_its_output():
    """The reader closes standard error, and standard output is closed from the start: uploads with warnings are still
    answered.
    """
    half = HELLO[: len(HELLO) // 2]
    with subprocess.Popen(
        f"exec {sys.executable} -m emotion_edge serve --port 0 >&-", shell=True, stderr=subprocess.PIPE, text=True
    ) as process:
        url = process.stderr.readline().split()[-1]
        process.stderr.close()
        for _ in range(2):
            answer = post(url, half).json()
            assert answer["status"] in ("ok", "uncertain")
        process.terminate()
        assert process.wait(20) == 0
