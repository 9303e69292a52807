"""`emotion-edge record`: record a clip, for example to try `classify` with it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..audio.microphone import Microphone
from ..audio.wav import replacing_audio
from ..errors import AudioError
from .arguments import add_device, number

_SILENT_DBFS: Final = -80.0  # quieter than any room through any microphone
_CLIPPED: Final = 0.999


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "record",
        help="record a clip from a microphone",
        description="Record a clip from a microphone to a mono 16-bit WAV file, at the sample rate of the device. "
        "Press Ctrl-C to stop early.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.wav", help="a new file; an existing file is never overwritten")
    parser.add_argument(
        "--seconds", type=number(0.1, 3600), default=3.0, metavar="S", help="length of the clip (default: %(default)s)"
    )
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Record and write the clip, and warn if it is silent or clipped."""
    path: Path = options.file
    if path.exists():
        raise AudioError(f"{path} already exists: remove it, or choose another name")
    with Microphone(options.device) as microphone:
        rate = microphone.sample_rate_hz
        print(f"recording {options.seconds:g} s from «{microphone.device.name}», {rate} Hz", file=sys.stderr)
        samples = _record(microphone, round(options.seconds * rate))
    with replacing_audio(path, rate) as file:
        file.write(samples)
    peak = float(np.abs(samples).max())
    if peak < 10 ** (_SILENT_DBFS / 20):
        print(
            "emotion-edge: the clip is silent: is the microphone muted, or is this the wrong one? emotion-edge devices "
            "lists them",
            file=sys.stderr,
        )
    elif peak >= _CLIPPED:
        print("emotion-edge: the sound is clipped because it is too loud: lower the gain", file=sys.stderr)
    print(f"{path}  ({len(samples) / rate:.1f} s, peak {20 * np.log10(max(peak, 1e-5)):.0f} dBFS)")
    return 0


def _record(microphone: Microphone, n_samples: int) -> Any:
    """Record `n_samples` samples, or fewer if Ctrl-C stops it."""
    blocks: list[Any] = []
    try:
        for block in microphone:
            blocks.append(block)
            if sum(map(len, blocks)) >= n_samples:
                break
    except KeyboardInterrupt:
        if not blocks:
            raise
    return np.concatenate(blocks)[:n_samples]
