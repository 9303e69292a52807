"""The options for MQTT, and the publisher that they describe."""

from __future__ import annotations

import argparse
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import MqttError
from ..live.events import Event
from ..model.recipe import ModelRecipe

if TYPE_CHECKING:  # imported only when needed: sockets and TLS would cost every other command a tenth of its start
    from ..mqtt.broker import Broker


class Publish(Protocol):
    """Publishes each event, or None, and whether there is sound to listen to."""

    def __call__(self, event: Event | None, *, online: bool) -> object: ...


def add_mqtt(parser: Any) -> None:
    """Add --mqtt, --mqtt-password and --mqtt-ca."""
    parser.add_argument(
        "--mqtt",
        type=_broker,
        metavar="URL",
        help="publish events to this broker: mqtt://[USER@]HOST[:PORT][/TOPIC], or mqtts:// for TLS. The default topic "
        "is emotion-edge/ and the name of this machine. Home Assistant discovers it automatically",
    )
    parser.add_argument(
        "--mqtt-password",
        type=Path,
        metavar="FILE",
        help="read the password of the user from this file (default: the environment variable "
        "EMOTION_EDGE_MQTT_PASSWORD, if it is set)",
    )
    parser.add_argument(
        "--mqtt-ca",
        type=Path,
        metavar="FILE.pem",
        help="trust these certificates instead of those of the system, for example of your own certificate authority",
    )


def publishing(options: argparse.Namespace, recipe: ModelRecipe) -> AbstractContextManager[Publish]:
    """The publisher that a command line asks for, or one that publishes nothing.

    Raises:
        MqttError: the package is missing, or the options do not fit together.
    """
    if options.mqtt is None:
        if options.mqtt_password is not None or options.mqtt_ca is not None:
            options.usage_error("--mqtt-password and --mqtt-ca need --mqtt")
        return nullcontext(lambda event, *, online: None)
    from ..mqtt.publisher import MqttPublisher

    broker = replace(options.mqtt, password=_password(options), ca_file=options.mqtt_ca)
    return MqttPublisher(broker, recipe)


def _broker(address: str) -> Broker:
    from ..mqtt.broker import Broker

    try:
        return Broker.parse(address)
    except MqttError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _password(options: argparse.Namespace) -> str | None:
    path: Path | None = options.mqtt_password
    if path is None:
        return os.environ.get("EMOTION_EDGE_MQTT_PASSWORD") or None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise MqttError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        lines = []
    if len(lines) != 1 or not lines[0]:
        raise MqttError(f"{path}: wanted one line of text, the password of the MQTT user")
    return lines[0]
