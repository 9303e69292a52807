"""`emotion-edge devices`: list the microphones."""

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
        description="List the input devices with their channels and sample rates. In --device, prefer a part of the "
        "name: numbers can change at a reboot, names do not.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per device")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the devices; return 1 if there are none."""
    present = devices()
    for device in present:
        if options.json:
            print(json.dumps(asdict(device)))
        else:
            mark = "*" if device.default else " "
            print(f"{mark} {device.number:2}  {device.name}  ({device.channels} channels, {device.sample_rate_hz} Hz)")
    if not present:
        print(
            "emotion-edge: no input device is connected, or this user is not allowed to use it (group audio)",
            file=sys.stderr,
        )
    return 0 if present else 1
