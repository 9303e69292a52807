"""Requests that are too long, too slow or too many; clients that disconnect; and the end of the server."""

from __future__ import annotations

import io
import signal
import socket
import threading

import httpx
import numpy as np
import pytest
import soundfile
from servers import serving, wait_for
from sounds import SPOKEN
from starlette.exceptions import HTTPException
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from emotion_edge.web.limits import Deadline, Slots, within

HELLO = SPOKEN[2].read_bytes()
WAV = {"content-type": "audio/wav"}
RATE = 16000


def post(server, content=HELLO):
    return httpx.post(server.url + "api/classify", content=content, headers=WAV, timeout=30, trust_env=False)


class HalfAnUpload:
    """A request that has sent a part of its body. It waits until `wait` requests are in progress."""

    def __init__(self, server, *, wait=1):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        head = f"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(HELLO)}\r\n\r\n"
        self.socket.sendall(head.encode() + HELLO[:1000])
        if wait is not None:
            wait_for(server, "emotion_edge_requests_in_progress", wait)

    def finish(self):
        """Send the rest, and return the status line of the answer."""
        self.socket.sendall(HELLO[1000:])
        return self.socket.makefile("rb").readline()


def test_uploads_that_are_too_long():
    with serving("--max-megabytes", 0.1) as server:

        def chunks():
            for _ in range(20):
                yield bytes(10_000)

        for content in (bytes(110_000), chunks()):
            response = post(server, content)
            assert (response.status_code, response.json()) == (
                413,
                {"error": "the body is too long: the limit is 0.1 MB"},
            )
        form = httpx.post(server.url + "api/classify", files={"file": ("a.wav", bytes(200_000))}, trust_env=False)
        assert form.status_code == 413
        rows = httpx.post(server.url + "v1/models/tess-mlp:predict", content=b" " * 110_000, trust_env=False)
        assert rows.status_code == 413
        fits = io.BytesIO()
        soundfile.write(fits, np.zeros(51_900), RATE, format="WAV")  # 103844 bytes
        assert post(server, fits.getvalue()).status_code == 200


def test_an_hour_in_a_small_file():
    hour = io.BytesIO()
    soundfile.write(hour, np.zeros(3600 * 8000, np.int16), 8000, format="FLAC")
    assert len(hour.getvalue()) < 1 << 20
    with serving("--max-seconds", 30) as server:
        response = post(server, hour.getvalue())
        assert (response.status_code, response.json()) == (
            413,
            {"error": "the recording is too long: the limit is 30 s"},
        )
        assert post(server).status_code == 200


def test_uploads_that_never_end():
    with serving("--timeout", 0.3) as server:
        upload = HalfAnUpload(server, wait=None)
        answer = b""
        while b"did not arrive within 0.3 s" not in answer:
            answer += upload.socket.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_requests_above_the_limit_are_refused_and_asked_to_retry():
    with serving("--at-once", 2) as server:
        uploads = [HalfAnUpload(server), HalfAnUpload(server, wait=2)]
        refused = post(server)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"].startswith("busy: this server accepts at most 2 requests at a time")
        assert httpx.get(server.url + "healthz", trust_env=False).status_code == 200  # the health check still works
        assert [upload.finish() for upload in uploads] == [b"HTTP/1.1 200 OK\r\n"] * 2
        assert post(server).status_code == 200


def test_a_client_that_disconnects_frees_its_slot():
    with serving("--at-once", 1) as server:
        for _ in range(3):
            upload = HalfAnUpload(server)
            upload.socket.close()
            wait_for(server, "emotion_edge_requests_in_progress", 0)
        assert post(server).status_code == 200


def test_it_works_without_permission_to_write_files():
    resource = pytest.importorskip("resource")

    def no_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    long = io.BytesIO()
    soundfile.write(long, np.tile(np.frombuffer(HELLO[44:], "<i2"), 80), 22050, format="WAV")
    assert len(long.getvalue()) > 4 << 20
    with serving(before=no_files, PYTHONDONTWRITEBYTECODE="1", COVERAGE_PROCESS_CONFIG="") as server:
        form = {"file": ("a.wav", long.getvalue())}
        response = httpx.post(server.url + "api/classify?timeline=1", files=form, timeout=60, trust_env=False)
        assert response.status_code == 200, response.text
        assert post(server, long.getvalue()).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(number):
    with serving() as server:
        upload = HalfAnUpload(server)
        with connect(server.live_url()) as live:
            wait_for(server, "emotion_edge_live_streams_in_progress", 1)
            ended = []
            waiting = threading.Thread(target=lambda: ended.append(server.stop(number)))
            waiting.start()
            with pytest.raises(ConnectionClosed) as closed:
                live.recv(timeout=20)
            assert closed.value.rcvd.code == 1012  # service restart
        assert upload.finish() == b"HTTP/1.1 200 OK\r\n"  # requests in progress are finished
        waiting.join(20)
        assert ended == [(0, "")]


@pytest.mark.slow
def test_neither_a_slow_upload_nor_a_long_recording_delays_the_end():
    long = io.BytesIO()
    soundfile.write(long, np.tile(np.frombuffer(HELLO[44:], "<i2"), 600), 22050, format="WAV")  # 16 minutes
    answers = []
    with serving("--max-seconds", 10_000, "--max-megabytes", 100) as server:
        upload = HalfAnUpload(server)
        asking = threading.Thread(target=lambda: answers.append(post(server, long.getvalue())))
        asking.start()
        wait_for(server, "emotion_edge_requests_in_progress", 2)
        assert server.stop() == (0, "")
        asking.join()
    assert upload.socket.makefile("rb").readline() == b"HTTP/1.1 503 Service Unavailable\r\n"
    (answer,) = answers
    assert (answer.status_code, answer.json().get("error")) in ((503, "the server is stopping"), (200, None))


def test_work_in_a_thread_ends_when_its_time_is_over_or_the_server_stops():
    stopping = threading.Event()
    blocks = [np.zeros(RATE, np.float32)] * 10
    assert len(list(within(blocks, RATE, 10, Deadline(100, stopping)))) == 10
    with pytest.raises(HTTPException, match=r"the limit is 9\.5 s"):
        list(within(blocks, RATE, 9.5, Deadline(100, stopping)))
    with pytest.raises(HTTPException, match="no answer within -1 s"):
        next(within(blocks, RATE, 10, Deadline(-1, stopping)))
    stopping.set()
    with pytest.raises(HTTPException, match="the server is stopping") as stopped:
        next(within(blocks, RATE, 10, Deadline(100, stopping)))
    assert stopped.value.status_code == 503


def test_slots_are_given_back_after_errors():
    slots = Slots(1, "requests")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.taken():
            1 / 0  # noqa: B018
    with slots.taken(), pytest.raises(HTTPException, match="at most 1 requests"), slots.taken():
        pass
    assert slots.n_taken == 0
