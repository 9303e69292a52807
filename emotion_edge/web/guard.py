"""Access control: check the host name, the origin and the token of a request, and set security headers."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import error_response

LIVE_PROTOCOL: Final = "emotion-edge.live"
"""The WebSocket subprotocol of the live socket."""
TOKEN_PROTOCOL: Final = "emotion-edge.token."
"""The prefix of the token in a subprotocol: browsers send it this way, because they cannot set headers."""

_OPEN_PATHS: Final = ("/", "/healthz", "/openapi.json")  # the page asks for the token itself
_OPEN_FOLDER: Final = "/static/"
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses requests and sockets without permission, before anything of their body is read.

    A page on the Internet can make a browser send requests to a server on the same machine: with a form, or with a
    host name that resolves to 127.0.0.1. So a request must use an allowed host name, and if it comes from a page, that
    must be the page of this server.

    Args:
        app: answers the requests that are allowed.
        token: the token that the API requires; None if it requires none.
        hosts: the allowed host names and addresses; empty to allow any, if a token protects the server.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, hosts: Collection[str]) -> None:
        self._app: Final = app
        self._token: Final = None if token is None else token.encode()
        self._hosts: Final = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                # A new version of the page must show at once, and answers are private.
                headers["Cache-Control"] = "no-cache" if _is_open(scope["path"]) else "no-store"
            await send(message)

        answer = self._refusal(scope) or self._app
        await answer(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts and _name_of(host) not in self._hosts:
            return error_response(
                403, f"the host name {_name_of(host)!r} is not allowed: start the server with --allow-host NAME"
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return error_response(403, f"requests from pages of {origin} are not allowed")
        if self._token is None or _is_open(scope["path"]) or self._has_token(scope, headers):
            return None
        return error_response(
            401,
            "the token is missing or wrong: send the header Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )

    def _has_token(self, scope: Scope, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        offered = [given.strip()] if kind.lower() == "bearer" else []
        offered += [
            protocol.removeprefix(TOKEN_PROTOCOL)
            for protocol in scope.get("subprotocols", ())
            if protocol.startswith(TOKEN_PROTOCOL)
        ]
        assert self._token is not None
        return any(hmac.compare_digest(token.encode(), self._token) for token in offered)


def _is_open(path: str) -> bool:
    """Whether a path needs no token: the page, which contains no data, and the health check."""
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)


def _name_of(host: str) -> str:
    """The host name in a Host header, without the port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
