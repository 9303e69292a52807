"""The process: an address, a token if others can reach it, and an end in good order."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import math
import re
import signal
import socket
import time
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from ..errors import ServerError
from .live import LARGEST_MESSAGE

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
"""What a browser on this machine may call a server that no other machine can reach."""

_GRACE_S: Final = 5  # for what is being answered when the server is told to stop
_MOST_CONNECTIONS: Final = 200  # idle ones too: below the 1024 files that a process may have open
_SILENT_S: Final = 60
_OUT_OF_FILES: Final = "connections wait, for there are more than this process may have files: ulimit -n"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_token(token: str) -> str:
    """A token that goes into a header and a WebSocket subprotocol as it is (RFC 9110, 5.6.2), and that nobody guesses.

    Raises:
        ServerError: it is not such.
    """
    if not re.fullmatch(r"[A-Za-z0-9._~+-]{16,256}", token):
        raise ServerError(
            "a token is 16 to 256 letters, digits and . _ ~ + -, on one line; "
            "make one: python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
        )
    return token


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 for one that is free.

    Raises:
        ServerError: it is taken, not ours, or no address of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise ServerError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error


def url_of(listening: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def run(
    app: ASGIApp, listening: socket.socket, *, on_ready: Callable[[], None], on_overdue: Callable[[], None]
) -> None:
    """Answer until SIGINT or SIGTERM, then finish what is being answered.

    Args:
        app: who answers.
        listening: where.
        on_ready: called once it does.
        on_overdue: called when it has been about to end for 5 s: all that still goes on must end then.
    """
    config = uvicorn.Config(
        app,
        http="h11",  # these two: the same whatever else is installed
        ws="websockets-sansio",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        limit_concurrency=_MOST_CONNECTIONS,
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2 * _GRACE_S,
    )
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # who sent a broken form is told, with no byte of it
    # uvicorn takes a socket that was refused for one that was forgotten: github.com/Kludex/uvicorn/pull/3138
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "without completing handshake" not in record.getMessage()
    )
    logging.getLogger("asyncio").addFilter(_NoMoreConnections())
    # uvicorn raises the signal again once it is done: it has served its purpose by then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    _Server(config, on_ready, on_overdue).run(sockets=[listening])


class _NoMoreConnections(logging.Filter):
    """Says in a sentence a minute what asyncio tells with a traceback a hundred times a second: they wait, and it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._told_at = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.getMessage().startswith("socket.accept() out of system resource"):
            return True
        now, before = time.monotonic(), self._told_at
        if now - before < _SILENT_S:
            return False
        self._told_at = now
        record.msg, record.args, record.exc_info = _OUT_OF_FILES, (), None
        return True


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], on_overdue: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready: Final = on_ready
        self._on_overdue: Final = on_overdue

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(_GRACE_S, self._on_overdue)
        await super().shutdown(sockets)
