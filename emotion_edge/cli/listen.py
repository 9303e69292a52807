"""`emotion-edge listen`: report emotions live from a microphone, a file or a pipe."""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..classifier import EmotionClassifier
from ..errors import AudioError, SettingsError
from ..live.events import Event
from ..live.listener import Listener
from ..live.recorder import LONGEST_S
from ..live.settings import ListenSettings
from ..live.sources import FileSource, MicrophoneSource, PipeSource, SoundSource
from ..model.recipe import ModelRecipe
from .arguments import add_device, add_model, add_profile, number
from .learning import Learning
from .live_view import LiveView
from .publishing import Publish, add_mqtt, publishing
from .terminal import is_colourful

_REDRAW_S = 0.12


def register(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "listen",
        help="listen to a microphone and report the emotion of voices",
        description="Listen to a microphone, a file or a pipe, and report when a voice starts, continues and stops "
        "expressing an emotion. On a terminal, a live view is shown; elsewhere, or if NO_COLOR is set, one line is "
        "printed per event. Press Ctrl-C to stop.",
    )
    sound = parser.add_argument_group("sound")
    add_device(sound)
    sound.add_argument(
        "--input",
        metavar="FILE|-",
        help="read a file, as fast as possible, or a WAV stream from standard input, as in: arecord | emotion-edge "
        "listen --input -",
    )
    sound.add_argument("--paced", action="store_true", help="read the file in real time instead")
    sound.add_argument(
        "--rate",
        type=number(1000, 384_000, whole=True),
        metavar="HZ",
        help="standard input holds samples without a header, 16-bit little-endian, at this sample rate",
    )
    sound.add_argument(
        "--channels",
        type=number(1, 64, whole=True),
        default=1,
        metavar="N",
        help="number of channels of these samples (default: %(default)s)",
    )
    sound.add_argument("--duration", type=number(0.001, 1e9), metavar="S", help="stop after S seconds of sound")
    sound.add_argument(
        "--record",
        type=Path,
        metavar="DIR",
        help="save the sound of every event to a WAV file in DIR, named after its time and label (of a long event: "
        f"the last {LONGEST_S:.0f} s). Without this option, no sound is ever stored",
    )
    answers = parser.add_argument_group("answers")
    add_model(answers)
    add_profile(answers)
    answers.add_argument("--json", action="store_true", help="print one JSON object per event, including hold events")
    add_mqtt(parser.add_argument_group("MQTT"))
    _add_settings(parser.add_argument_group("thresholds"))
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Listen until the sound ends, the time is over, or a signal stops it."""
    source = _source(options)
    with Learning(options) as learning:
        classifier = EmotionClassifier(options.model, profile=learning.profile)
        listener = Listener(
            classifier,
            source=source,
            settings=_settings(options, classifier.recipe),
            record_to=options.record,
            duration_s=options.duration,
        )
        _listen(listener, learning, publishing(options, classifier.recipe), options)
    return 0


def _listen(
    listener: Listener, learning: Learning, publisher: AbstractContextManager[Publish], options: argparse.Namespace
) -> None:
    with _stopped_by_signals(listener), listener:
        if options.record is not None:
            print(f"saving the sound of every event in {options.record}", file=sys.stderr)
        if options.mqtt is not None:
            print(f"publishing to {options.mqtt} under {options.mqtt.topic}", file=sys.stderr)
        with _output(options, listener) as show, publisher as publish:
            n_events = 0
            while not listener.finished:
                event = listener.poll(_REDRAW_S)
                n_events += event is not None
                show(event)
                publish(event, online=not listener.source.away)
                learning.save_some()
        if not n_events and not listener.source.live:
            heard_s = 0.0 if listener.status is None else listener.status.heard_s
            print(f"no speech in {heard_s:.1f} s", file=sys.stderr)


def _output(options: argparse.Namespace, listener: Listener) -> AbstractContextManager[Callable[[Event | None], None]]:
    if options.json:
        return nullcontext(_print_json)
    if is_colourful():
        return LiveView(listener)
    print(f"listening to {listener.source.name}", file=sys.stderr)
    return nullcontext(_print_line)


def _print_json(event: Event | None) -> None:
    if event is not None:
        print(json.dumps(event.to_dict()), flush=True)


def _print_line(event: Event | None) -> None:
    if event is not None and event.kind != "hold":
        print(event, flush=True)


class _stopped_by_signals:  # noqa: N801, it reads as a phrase
    """Ctrl-C and SIGTERM end the loop cleanly: a label that is held is left, and that event is still printed."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for signum in (signal.SIGINT, signal.SIGTERM):
            self._before[signum] = signal.signal(signum, lambda *_: self._listener.stop(wait=False))

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)


def _source(options: argparse.Namespace) -> SoundSource:
    raw = options.rate is not None or options.channels != 1
    if not options.input and options.input is not None:
        options.usage_error("--input needs the name of a file, or -")
    if options.input is None:
        if options.paced or raw:
            options.usage_error("--paced, --rate and --channels need --input")
        return MicrophoneSource(options.device)
    if options.device is not None:
        options.usage_error("--device and --input cannot be used together")
    if options.input == "-":
        if options.paced:
            options.usage_error("--paced is for files: a pipe is as fast as the program that writes to it")
        if options.rate is None and raw:
            options.usage_error("--channels needs --rate: a WAV stream has the number of channels in its header")
        if sys.stdin is None or sys.stdin.isatty():
            raise AudioError(
                "standard input is a terminal: pipe sound into it, as in arecord | emotion-edge listen --input -"
            )
        return PipeSource(sys.stdin.fileno(), raw_rate_hz=options.rate, raw_channels=options.channels)
    if raw:
        options.usage_error("--rate and --channels need --input -")
    return FileSource(options.input, paced=options.paced)


def _add_settings(group: Any) -> None:
    for each in fields(ListenSettings):
        help = each.metadata["help"]
        if "(default" not in help:
            help += f" (default: {'chosen by the model' if each.default is None else each.default})"
        group.add_argument(_flag(each.name), dest=each.name, type=float, metavar="X", help=help)


def _settings(options: argparse.Namespace, recipe: ModelRecipe) -> ListenSettings:
    given = {each.name: getattr(options, each.name) for each in fields(ListenSettings)}
    try:
        return ListenSettings(**{name: value for name, value in given.items() if value is not None}).for_model(recipe)
    except SettingsError as error:
        names = "|".join(each.name for each in fields(ListenSettings))
        options.usage_error(re.sub(rf"\b({names})\b", lambda match: _flag(match[0]), str(error)))
        raise


def _flag(name: str) -> str:
    """The option of a setting: `pause_s` becomes `--pause-seconds`."""
    return "--" + (f"{name[:-2]}_seconds" if name.endswith("_s") else name).replace("_", "-")
