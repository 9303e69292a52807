"""The command line: one module a command. Data goes to stdout, talk to stderr; exit 0 done, 1 failed, 2 usage."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import EmotionEdgeError
from . import classify, models


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `emotion-edge`; the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.DEBUG if options.debug else logging.WARNING, format="%(name)s: %(message)s")
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except EmotionEdgeError as error:
        print(f"emotion-edge: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, `head` perhaps, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emotion-edge", description="Speech emotion recognition for small devices.")
    parser.add_argument("--version", action="version", version=f"emotion-edge {__version__}")
    parser.add_argument("--debug", action="store_true", help="tell on stderr what is going on")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (classify, models):
        command.register(commands)
    return parser
