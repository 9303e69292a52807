"""`emotion-edge serve`: a web page and an HTTP API."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Final

from ..classifier import EmotionClassifier
from ..errors import ServerError
from ..model.file import DEFAULT_MODEL, SPEECH_MODEL, shipped
from .arguments import number

_PORT: Final = 8501  # TensorFlow Serving's, so that its clients find it
_TOKEN: Final = "EMOTION_EDGE_TOKEN"


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="serve a web page and an HTTP API that classify and listen",
        description="Serve a web page and an HTTP API (described at /openapi.json) that classify recordings and listen "
        "to the microphone of a browser. Without --host, other machines cannot reach it. No sound is stored or logged. "
        "Press Ctrl-C to stop.",
    )
    address = parser.add_argument_group("address")
    address.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address of this machine to listen on, or 0.0.0.0 for all addresses (default: %(default)s)",
    )
    address.add_argument(
        "--port",
        type=number(0, 65535, whole=True),
        default=_PORT,
        metavar="N",
        help="the port to listen on, or 0 for any free port (default: %(default)s)",
    )
    address.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="a file whose only line is the token that clients must send (default: the environment variable "
        f"{_TOKEN}, if it is set). A token is required if other machines can reach the server",
    )
    address.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="accept requests to this host name, for example behind a proxy; can be repeated (default: any name if "
        "there is a token, otherwise the local names of this machine)",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME|FILE",
        help="a shipped model or the path of a .tflite file; can be repeated, and the first is the default model of "
        f"the server (default: {DEFAULT_MODEL} and the other shipped models)",
    )
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--max-megabytes",
        type=number(0.001, 4096),
        default=32,
        metavar="X",
        help="largest upload (default: %(default)s)",
    )
    limits.add_argument(
        "--max-seconds",
        type=number(1, 86400),
        default=600,
        metavar="S",
        help="longest recording in an upload (default: %(default)s)",
    )
    limits.add_argument(
        "--timeout",
        type=number(0.1, 3600),
        default=60,
        metavar="S",
        help="seconds allowed for an upload to arrive, for its answer, and between two messages of a live stream "
        "(default: %(default)s)",
    )
    limits.add_argument(
        "--at-once",
        type=number(1, 1000, whole=True),
        default=4,
        metavar="N",
        help="most uploads at the same time, and most live streams (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal stops it."""
    try:
        from ..web import server
        from ..web.app import create_app
        from ..web.limits import Limits
        from ..web.service import Service
    except ImportError as error:
        raise ServerError(
            f"serve needs packages that are not installed ({error}): pip install 'emotion-edge[web]'"
        ) from error
    token = _token(options.token_file)
    if token is not None:
        server.check_token(token)
    elif not server.is_loopback(options.host):
        raise ServerError(
            f"with --host {options.host}, other machines can reach the server, so it needs a token: "
            f"use --token-file, or set {_TOKEN}"
        )
    limits = Limits(
        upload_bytes=round(options.max_megabytes * (1 << 20)),
        sound_s=options.max_seconds,
        timeout_s=options.timeout,
        at_once=int(options.at_once),
    )
    service = Service([EmotionClassifier(model) for model in options.model or _shipped()], limits)
    hosts = [*options.allow_host, *server.LOOPBACK_NAMES, options.host] if options.allow_host or token is None else []
    with server.listen(options.host, int(options.port)) as listening:
        url = server.url_of(listening)
        note = " (requires the token)" if token else ""
        app = create_app(service, token=token, hosts=hosts)

        def announce() -> None:
            print(f"emotion-edge: serving {url}{note}", file=sys.stderr, flush=True)

        server.run(app, listening, on_ready=announce, on_overdue=service.stop)
    return 0


def _shipped() -> list[str]:
    """The emotion models, the default one first."""
    names = [name for name in shipped() if name != SPEECH_MODEL]
    return sorted(names, key=lambda name: name != DEFAULT_MODEL)


def _token(file: Path | None) -> str | None:
    """The token from the file or the environment; None if there is none."""
    if file is None:
        return os.environ.get(_TOKEN) or None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServerError(
            f"the token file {file} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
