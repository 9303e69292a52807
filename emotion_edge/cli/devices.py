"""`emotion-edge devices`: which microphones there are."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from ..audio.microphone import devices


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "devices",
        help="list the microphones",
        description="List the input devices with their channels and rates. Name one by a part of its name: "
        "numbers change, names survive a reboot.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print them; 1 if there is none."""
    present = devices()
    for device in present:
        if options.json:
            print(json.dumps(asdict(device)))
        else:
            mark = "*" if device.default else " "
            print(f"{mark} {device.number:2}  {device.name}  ({device.channels} channels, {device.sample_rate_hz} Hz)")
    if not present:
        print("emotion-edge: no input device is connected, or this user may not use it (group audio)", file=sys.stderr)
    return 0 if present else 1
