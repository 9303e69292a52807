"""The command line: one module a command. Data goes to stdout, talk to stderr; exit 0 done, 1 failed, 2 usage."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from emotion_edge import EmotionEdgeError

from .. import __version__
from . import convert, grid, metadata, parity, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `emotion-edge-converter`; the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("emotion_edge_converter").setLevel(logging.DEBUG if options.debug else logging.INFO)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except EmotionEdgeError as error:
        print(f"emotion-edge-converter: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, `head` perhaps, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion-edge-converter",
        description="Train and convert Keras models into the model files of emotion-edge.",
    )
    parser.add_argument("--version", action="version", version=f"emotion-edge-converter {__version__}")
    parser.add_argument("--debug", action="store_true", help="tell on stderr what is going on")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (metadata, grid, train, convert, parity):
        command.register(commands)
    return parser
