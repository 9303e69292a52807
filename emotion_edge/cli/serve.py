"""`emotion-edge serve`: the page and the HTTP API."""

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
        help="a web page and an HTTP API that classify and listen",
        description="Serve a web page and an HTTP API (/openapi.json) that classify recordings and listen to a browser's "
        "microphone. Without --host no other machine can reach them. No sound is kept or logged. Ctrl-C ends.",
    )
    address = parser.add_argument_group("address")
    address.add_argument(
        "--host", default="127.0.0.1", help="an address of this machine, 0.0.0.0 for all (default: %(default)s)"
    )
    address.add_argument(
        "--port", type=number(0, 65535, whole=True), default=_PORT, metavar="N", help="0 for any (default: %(default)s)"
    )
    address.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"what the API asks for is on its only line; else ${_TOKEN} is, where it is set. One of them must be where "
        "other machines can reach the server",
    )
    address.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that a browser may call the server by, behind a proxy say; may be given again (default: any with a "
        "token, else the names of this machine to itself)",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME|FILE",
        help="a shipped model or a .tflite file; may be given again, and the first answers who names none "
        f"(default: {DEFAULT_MODEL}, and the others that are shipped)",
    )
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--max-megabytes", type=number(0.001, 4096), default=32, metavar="X", help="of an upload (default: %(default)s)"
    )
    limits.add_argument(
        "--max-seconds", type=number(1, 86400), default=600, metavar="S", help="of sound in it (default: %(default)s)"
    )
    limits.add_argument(
        "--timeout",
        type=number(0.1, 3600),
        default=60,
        metavar="S",
        help="for an upload to arrive, for its answer, and between two pieces of a live stream (default: %(default)s)",
    )
    limits.add_argument(
        "--at-once",
        type=number(1, 1000, whole=True),
        default=4,
        metavar="N",
        help="uploads at a time, and as many live streams (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until somebody stops it."""
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
            f"--host {options.host} lets other machines ask, so a token must protect it: give --token-file, or set {_TOKEN}"
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
        asked = ", which asks for the token" if token else ""
        app = create_app(service, token=token, hosts=hosts)

        def tell() -> None:
            print(f"emotion-edge: serving {url}{asked}", file=sys.stderr, flush=True)

        server.run(app, listening, on_ready=tell, on_overdue=service.stop)
    return 0


def _shipped() -> list[str]:
    """The emotion models, the default one first."""
    names = [name for name in shipped() if name != SPEECH_MODEL]
    return sorted(names, key=lambda name: name != DEFAULT_MODEL)


def _token(file: Path | None) -> str | None:
    """The token, as it stands in the file or the environment; None where there is none."""
    if file is None:
        return os.environ.get(_TOKEN) or None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServerError(
            f"the token file {file} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
