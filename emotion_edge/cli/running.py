"""What every command line of this project does the same: exit status, errors in one line, a reader that leaves early."""

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
    """A command's parser: what it does not know it refuses itself, with its own usage and not that of the whole program."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None, logger: str) -> int:
    """Parse, run the command that the parser has set as `run`, and say what became of it.

    Args:
        parser: with `--debug`, and a function of the options as `run`.
        arguments: the command line; None for the process's own.
        logger: the package whose logging is shown, from warnings on, or all of it with `--debug`.

    Returns:
        The exit status: what the command returns, 1 after an error, 130 after Ctrl-C.
    """
    _repair_streams()
    options = parser.parse_args(arguments)
    show_log(parser.prog, logger, logging.DEBUG if options.debug else logging.WARNING)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except EmotionEdgeError as error:
        logging.getLogger(logger).debug("where it happened, and why:", exc_info=True)
        print(printable(f"{parser.prog}: {error}"), file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, `head` perhaps, has had enough
        _forget_output()
        return 1
    except OSError as error:  # a full disk under standard output, say
        where = "" if error.filename else "standard output, perhaps: "
        print(printable(f"{parser.prog}: {where}{error.strerror or error}"), file=sys.stderr)
        _forget_output()
        return 1
    except KeyboardInterrupt:
        return 130


def show_log(prog: str, logger: str, level: int) -> None:
    """Warnings on stderr, a line each, and of one package what is of a level; on a terminal over a progress bar."""
    over_bar = "\r\x1b[K" if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb" else ""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine(f"{over_bar}{prog}: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger(logger).setLevel(level)


class _OneLine(logging.Formatter):
    """Of a message one line; a traceback has as many as it needs."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802, it is logging's
        record.message = printable(record.message)
        return super().formatMessage(record)


def _repair_streams() -> None:
    """Streams that a daemon has closed swallow what is written; a name that the terminal cannot show is escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, it lives as long as we do
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Point standard output elsewhere, so that what it still buffers does not fail again when Python ends."""
    with contextlib.suppress(OSError, ValueError):  # where it is no file, in a test perhaps
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
