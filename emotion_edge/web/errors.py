"""Errors as TensorFlow Serving gives them: a status, and {"error": "a sentence"}."""

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
    """The answer to what cannot be done."""
    return JSONResponse({"error": sentence}, status, headers=dict(headers or {}))


async def _http_error(connection: Request | WebSocket, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if sentence == HTTPStatus(error.status_code).phrase:  # the framework's own: no such path or method
        sentence = f"{connection.scope['path']}: {_WHY.get(error.status_code, sentence)}"
    return error_response(error.status_code, sentence, error.headers)


async def _audio_error(_: Request | WebSocket, error: Exception) -> Response:
    return error_response(422, str(error))


async def _gone(_: Request | WebSocket, __: Exception) -> Response:
    return Response(status_code=400)  # for the counter: nobody is there to read it


async def _our_fault(_: Request | WebSocket, __: Exception) -> Response:
    return error_response(500, "something failed here, not with you; the server's log says what")


_WHY: Final = {
    404: "there is no such thing here; /openapi.json lists what there is",
    405: "not by this method; /openapi.json says by which",
}

HANDLERS: Final[dict[Any, Any]] = {
    HTTPException: _http_error,
    AudioError: _audio_error,
    ClientDisconnect: _gone,
    Exception: _our_fault,
}
"""For Starlette: which error is answered by what."""
