"""The command line: one module a command. Data goes to stdout, talk to stderr; exit 0 done, 1 failed, 2 usage."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .. import __version__
from . import classify, devices, listen, models, profile, record, serve
from .running import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `emotion-edge`; the exit status."""
    return run(_parser(), arguments, "emotion_edge")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emotion-edge", description="Speech emotion recognition for small devices.")
    parser.add_argument("--version", action="version", version=f"emotion-edge {__version__}")
    parser.add_argument("--debug", action="store_true", help="tell on stderr what is going on")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (classify, listen, serve, profile, models, devices, record):
        command.register(commands)
    return parser
