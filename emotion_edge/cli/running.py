"""What all command lines of this project share: exit status, errors on one line, and output that cannot be written."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from ..errors import EmotionEdgeError
from .terminal import printable


class CommandParser(argparse.ArgumentParser):
    """A parser for a command. It reports unknown arguments with its own usage, not with that of the whole program."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None, logger: str) -> int:
    """Parse the command line, run the command that the parser set as `run`, and report errors.

    Args:
        parser: with `--debug`, and `run` set to a function of the options.
        arguments: the command line; None for that of the process.
        logger: the package whose log is shown: warnings and errors, or everything with `--debug`.

    Returns:
        The exit status: what the command returned, 1 after an error, 130 after Ctrl-C.
    """
    _repair_streams()
    options = parser.parse_args(arguments)
    show_log(parser.prog, logger, logging.DEBUG if options.debug else logging.WARNING)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except EmotionEdgeError as error:
        logging.getLogger(logger).debug("the error was raised here:", exc_info=True)
        print(printable(f"{parser.prog}: {error}"), file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, for example `head`, has closed the pipe
        _forget_output()
        return 1
    except OSError as error:  # for example standard output on a full disk
        where = "" if error.filename else "output cannot be written: "
        print(printable(f"{parser.prog}: {where}{error.strerror or error}"), file=sys.stderr)
        _forget_output()
        return 1
    except KeyboardInterrupt:
        return 130


def show_log(prog: str, logger: str, level: int) -> None:
    """Log to stderr, one line per message: warnings of all packages, and everything from `level` on of one package.

    On a terminal, a message overwrites the progress bar.
    """
    over_bar = "\r\x1b[K" if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb" else ""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine(f"{over_bar}{prog}: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger(logger).setLevel(level)


class _OneLine(logging.Formatter):
    """Puts each message on one line; only a traceback has more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802, a name of logging
        record.message = printable(record.message)
        return super().formatMessage(record)


def _repair_streams() -> None:
    """Discard output if the stream is closed, as in a daemon; escape characters that the terminal cannot show."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, open until the process ends
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Redirect standard output to nowhere, so that flushing its buffer does not fail again when Python exits."""
    with contextlib.suppress(OSError, ValueError):  # it may not be a real file, for example in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
