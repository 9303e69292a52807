"""The server process: its address, its token, and a clean end."""

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
"""The host names by which a browser on the same machine reaches a server on a loopback address."""

_GRACE_S: Final = 5  # for requests in progress when the server stops
_MOST_CONNECTIONS: Final = 200  # including idle ones: below the 1024 files that a process may have open
_WARN_EVERY_S: Final = 60
_OUT_OF_FILES: Final = "connections are waiting: this process has reached its limit of open files (ulimit -n)"


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_token(token: str) -> str:
    """Check that a token fits unchanged in a header and a WebSocket subprotocol (RFC 9110, 5.6.2), and return it.

    Raises:
        ServerError: it is too short to be safe, or contains other characters.
    """
    if not re.fullmatch(r"[A-Za-z0-9._~+-]{16,256}", token):
        raise ServerError(
            "a token is 16 to 256 letters, digits and . _ ~ + -, on one line; "
            "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
        )
    return token


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; port 0 chooses a free port.

    Raises:
        ServerError: the port is in use or not permitted, or the host is not an address of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise ServerError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error


def url_of(listening: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def run(
    app: ASGIApp, listening: socket.socket, *, on_ready: Callable[[], None], on_overdue: Callable[[], None]
) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests in progress.

    Args:
        app: answers the requests.
        listening: the listening socket.
        on_ready: called once the server accepts requests.
        on_overdue: called 5 s after the signal: it must end all requests that are still in progress.
    """
    config = uvicorn.Config(
        app,
        http="h11",  # these two: fixed, so that other installed packages do not matter
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
    logging.getLogger("python_multipart").setLevel(
        logging.ERROR
    )  # the client gets the error, without bytes of the form
    # uvicorn mistakes a refused socket for a forgotten one: github.com/Kludex/uvicorn/pull/3138
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "without completing handshake" not in record.getMessage()
    )
    logging.getLogger("asyncio").addFilter(_NoMoreConnections())
    # uvicorn raises the signal again at its end, when it is no longer needed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    _Server(config, on_ready, on_overdue).run(sockets=[listening])


class _NoMoreConnections(logging.Filter):
    """Warns once a minute that connections are waiting; asyncio would log a traceback a hundred times per second."""

    def __init__(self) -> None:
        super().__init__()
        self._warned_at = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "._start_serving(" in message:  # a second later asyncio tries again, also if the server has ended by then
            return False
        if not message.startswith("socket.accept() out of system resource"):
            return True
        now = time.monotonic()
        if now - self._warned_at < _WARN_EVERY_S:
            return False
        self._warned_at = now
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
