"""Where an MQTT broker is, and under which topic a listener publishes there."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from ..errors import MqttError

FORM: Final = "mqtt://[USER@]HOST[:PORT][/TOPIC]"
"""How an address is written; mqtts:// for TLS."""

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_LONGEST_TOPIC: Final = 200  # characters; MQTT itself allows 65535 bytes
_ABOUT_PASSWORDS: Final = (
    "every user of this machine can read a password on a command line: leave it out of the address, and put it into a file "
    "(--mqtt-password FILE) or into EMOTION_EDGE_MQTT_PASSWORD"
)


@dataclass(frozen=True, kw_only=True)
class Broker:
    """An MQTT broker, and what a listener calls itself there.

    Attributes:
        host, port: where it listens.
        topic: what all topics of this listener begin with, without a slash at its end. It is the listener's identity: two that
            share a broker need two topics.
        user, password: None where the broker asks for none.
        tls: whether the connection is encrypted and the broker's certificate checked.
        ca_file: the certificates that are trusted then, in PEM format; None for those of the system.
    """

    host: str
    port: int
    topic: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if self.password is not None and not self.user:
            raise MqttError(
                f"there is a password for the MQTT broker, but no user: wanted {FORM.replace('[USER@]', 'USER@')}"
            )
        if self.ca_file is not None and not self.tls:
            raise MqttError("a file of certificates is for mqtts://, and the address begins with mqtt://")

    @classmethod
    def parse(cls, address: str) -> Broker:
        """A broker from an address like `mqtts://anna@broker.local:8883/home/kitchen`.

        The port is 1883 unless it is given, with TLS 8883; the topic `emotion-edge/` and the name of this machine.

        Raises:
            MqttError: another form, a password in it, or a topic that nobody can publish under. It repeats no more of the
                address than is at fault, for that might be a password.
        """
        try:
            parts = urlsplit(address.strip())
            port = parts.port
        except ValueError as error:  # the text of the error may hold a password that was taken for a port
            raise MqttError(f"the address of the MQTT broker cannot be understood: wanted {FORM}") from error
        if parts.scheme not in _PORTS or not parts.hostname:
            got = f"{parts.scheme}://" if parts.scheme else "no mqtt://"
            raise MqttError(f"the address of the MQTT broker: got {got} at its start, wanted {FORM}, or mqtts://")
        if parts.password is not None:
            raise MqttError(_ABOUT_PASSWORDS)
        return cls(
            host=_host(parts.hostname),
            port=_PORTS[parts.scheme] if port is None else _port(port),
            topic=_topic(parts.path, more="?" in address or "#" in address),
            user=unquote(parts.username) if parts.username else None,
            tls=parts.scheme == "mqtts",
        )

    @property
    def identity(self) -> str:
        """What the topic makes of this listener: 21 characters, as every broker takes them for the id of a client.

        The same for the same topic, so that a device that lost its power takes its old connection over when it comes
        back, and a broker that notices the loss later does not call the new one offline.
        """
        return "emotion-edge-" + hashlib.sha256(self.topic.encode()).hexdigest()[:8]

    @property
    def tls_context(self) -> ssl.SSLContext | None:
        """What checks the broker's certificate and its name; None without TLS.

        Raises:
            MqttError: `ca_file` cannot be read, or holds no certificate.
        """
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except ssl.SSLError as error:
            raise MqttError(f"{self.ca_file} holds no certificate in PEM format") from error
        except OSError as error:
            raise MqttError(f"{self.ca_file}: {error.strerror}") from error

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def _host(host: str) -> str:
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise MqttError(f"the MQTT broker: got {host!r}, which is no name of a host") from error
    return host


def _port(port: int) -> int:
    if not port:
        raise MqttError("the port of the MQTT broker: got 0, wanted 1 to 65535")
    return port


def _topic(path: str, *, more: bool) -> str:
    topic = unquote(path).strip("/")
    if not topic and not more:
        return f"emotion-edge/{_machine()}"
    odd = more or re.search(r"[+#]", topic) or topic.startswith("$") or "//" in topic or not topic.isprintable()
    if odd or len(topic) > _LONGEST_TOPIC:
        raise MqttError(
            f"the topic of the MQTT broker: got {topic!r}{' and then ? or #' if more else ''}, wanted words with single slashes "
            f"between them, as in home/kitchen, without + # ? and $, up to {_LONGEST_TOPIC} characters"
        )
    return topic


def _machine() -> str:
    """The name of this machine, as a level of a topic."""
    return re.sub(r"[^\w-]+", "-", socket.gethostname().split(".")[0]).strip("-") or "here"
