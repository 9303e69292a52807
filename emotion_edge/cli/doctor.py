"""`emotion-edge doctor`: check the installation and suggest fixes."""

from __future__ import annotations

import argparse
import json
import shutil
import textwrap
from dataclasses import asdict
from typing import Any, Final

from .. import __version__
from ..doctor.checks import SELF_TEST, CheckStatus, Finding, examine
from .terminal import BOLD, DIM, GREEN, PLAIN, RED, YELLOW, is_colourful, shows

_COLOURS: Final[dict[CheckStatus, str]] = {"ok": GREEN, "unneeded": DIM, "warning": YELLOW, "error": RED}
_MARKS: Final[dict[CheckStatus, str]] = {"ok": "✓", "unneeded": "–", "warning": "!", "error": "✗"}
_ASCII_MARKS: Final[dict[CheckStatus, str]] = {"ok": "+", "unneeded": "-", "warning": "!", "error": "x"}
_COLUMN: Final = 13
_NARROWEST, _WIDEST = 50, 100


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "doctor",
        help="check this installation and suggest fixes",
        description="Check Python, the shipped models, the interpreters, the audio libraries and the microphones, and "
        "classify a sound in two ways. For each problem, print the command that fixes it. Exit status: 0 if "
        "files can be classified, 1 if not.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per check")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print every finding as soon as it is known; return 1 if files cannot be classified."""
    show = _Lines()
    findings = []
    if not options.json:
        print(show.bold(f"emotion-edge {__version__}"), flush=True)
    for finding in examine():
        findings.append(finding)
        print(json.dumps(asdict(finding)) if options.json else show(finding), flush=True)
    if not options.json:
        print(show.bold(_verdict(findings)))
    return 0 if _classifies(findings) else 1


def _classifies(findings: list[Finding]) -> bool:
    return any(finding.check == SELF_TEST and finding.status == "ok" for finding in findings)


def _verdict(findings: list[Finding]) -> str:
    if not _classifies(findings):
        return "It cannot classify."
    fine = {finding.check for finding in findings if finding.status == "ok"}
    can_listen = {"microphone", "soxr"} <= fine  # soxr: few microphones have the sample rate of a model
    n_warnings = sum(finding.status == "warning" for finding in findings)
    warnings = f" {n_warnings} warning{'s' if n_warnings > 1 else ''}." if n_warnings else ""
    return (
        "It can classify and listen." if can_listen else "It can classify, but not listen to a microphone."
    ) + warnings


class _Lines:
    """Findings as lines of text, coloured on a terminal."""

    def __init__(self) -> None:
        self._colourful: Final = is_colourful()
        self._marks: Final = _MARKS if shows("".join(_MARKS.values())) else _ASCII_MARKS
        self._width: Final = min(_WIDEST, max(_NARROWEST, shutil.get_terminal_size().columns))

    def __call__(self, finding: Finding) -> str:
        mark = self._in(_COLOURS[finding.status], self._marks[finding.status])
        indent = " " * (_COLUMN + 3)
        words = textwrap.wrap(finding.summary, self._width - len(indent), break_on_hyphens=False)
        lines = [f"{mark} {finding.check:{_COLUMN}} {words[0]}", *(indent + line for line in words[1:])]
        if finding.fix:  # never wrapped, so that it can be copied
            lines.append(indent + self.bold(f"$ {finding.fix}"))
        return "\n".join(lines)

    def bold(self, text: str) -> str:
        """Text in bold, if there are colours."""
        return self._in(BOLD, text)

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colourful else text
