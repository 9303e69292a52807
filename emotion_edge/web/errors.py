"""Errors in the form of TensorFlow Serving: a status, and {"error": "a sentence"}."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from ..errors import AudioError


def error_response(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response to a request that failed."""
    return JSONResponse({"error": sentence}, status, headers=dict(headers or {}))


async def _http_error(connection: Request | WebSocket, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if sentence == HTTPStatus(error.status_code).phrase:  # raised by the framework: no such path or method
        sentence = f"{connection.scope['path']}: {_WHY.get(error.status_code, sentence)}"
    return error_response(error.status_code, sentence, error.headers)


async def _audio_error(_: Request | WebSocket, error: Exception) -> Response:
    return error_response(422, str(error))


async def _disconnected(_: Request | WebSocket, __: Exception) -> Response:
    return Response(status_code=400)  # only for the counter: the client is gone


async def _internal_error(_: Request | WebSocket, __: Exception) -> Response:
    return error_response(500, "internal error of the server; its log has the details")


_WHY: Final = {
    404: "not found; /openapi.json lists all paths",
    405: "method not allowed; /openapi.json lists the methods",
}

HANDLERS: Final[dict[Any, Any]] = {
    HTTPException: _http_error,
    AudioError: _audio_error,
    ClientDisconnect: _disconnected,
    Exception: _internal_error,
}
"""The exception handlers for Starlette."""
