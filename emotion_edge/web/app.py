"""The application: routes and middleware."""

from __future__ import annotations

import mimetypes
from collections.abc import Collection
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from .. import palette
from . import api, tf_serving
from .errors import HANDLERS
from .guard import Guard
from .live import live
from .metrics import CountResponses
from .openapi import description
from .service import Service, service_of

_STATIC: Final = Path(__file__).parent / "static"
_MODEL: Final = "/v1/models/{name}"
_VERSION: Final = _MODEL + "/versions/{version}"

# The registry of Windows and minimal systems may not know these types, and with nosniff a browser would run no script.
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("image/svg+xml", ".svg")


def create_app(service: Service, *, token: str | None = None, hosts: Collection[str] = ()) -> Starlette:
    """Create the ASGI application.

    Args:
        service: the models and limits.
        token: the token that the API requires; None if it requires none.
        hosts: the allowed host names; empty to allow any.
    """
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/healthz", api.health),
            Route("/metrics", api.metrics),
            Route("/openapi.json", openapi),
            Route("/api/models", api.models),
            Route("/api/classify", api.classify, methods=["POST"]),
            WebSocketRoute("/api/live", live),
            Route(_MODEL + ":predict", tf_serving.predict, methods=["POST"]),
            Route(_VERSION + ":predict", tf_serving.predict, methods=["POST"]),
            Route(_MODEL, tf_serving.status),
            Route(_VERSION, tf_serving.status),
            Route("/static/palette.css", palette_css),
            Route("/static/palette.js", palette_js),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(CountResponses, service.metrics), Middleware(Guard, token=token, hosts=hosts)],
        exception_handlers=HANDLERS,
    )
    app.state.service = service
    return app


async def page(_: Request) -> Response:
    """GET /."""
    return FileResponse(_STATIC / "index.html")


async def palette_css(_: Request) -> Response:
    """GET /static/palette.css."""
    return Response(palette.css(), media_type="text/css")


async def palette_js(_: Request) -> Response:
    """GET /static/palette.js."""
    return Response(palette.javascript(), media_type="text/javascript")


async def openapi(request: Request) -> Response:
    """GET /openapi.json."""
    return JSONResponse(description(service_of(request)))
