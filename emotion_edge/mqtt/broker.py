"""The address of an MQTT broker, and the topic under which a listener publishes."""

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
"""The form of an address; mqtts:// for TLS."""

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_LONGEST_TOPIC: Final = 200  # characters; MQTT itself allows 65535 bytes
_ABOUT_PASSWORDS: Final = (
    "every user of this machine can read a password on the command line: leave it out of the address and put it "
    "into a file (--mqtt-password FILE) or into EMOTION_EDGE_MQTT_PASSWORD"
)


@dataclass(frozen=True, kw_only=True)
class Broker:
    """The address of an MQTT broker, and the topic of a listener.

    Attributes:
        host, port: the address of the broker.
        topic: the start of all topics of this listener, without a slash at the end. It identifies the listener, so two
            listeners that share a broker need different topics.
        user, password: None if the broker does not ask for them.
        tls: whether the connection is encrypted and the certificate of the broker is checked.
        ca_file: a PEM file with the certificates to trust; None for those of the system.

    Raises:
        MqttError: there is a password without a user, or `ca_file` without `tls`.
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
            raise MqttError(f"the MQTT broker: got a password but no user, wanted {FORM.replace('[USER@]', 'USER@')}")
        if self.ca_file is not None and not self.tls:
            raise MqttError(
                "a file of certificates can only be used with mqtts://, but the address begins with mqtt://"
            )

    @classmethod
    def parse(cls, address: str) -> Broker:
        """Return the broker for an address such as `mqtts://anna@broker.local:8883/home/kitchen`.

        The default port is 1883, or 8883 with TLS. The default topic is `emotion-edge/` and the name of this machine.

        Raises:
            MqttError: the address has another form or a password, or its topic cannot be used. The message repeats only
                the wrong part of the address, because the rest may be a password.
        """
        try:
            parts = urlsplit(address.strip())
            port = parts.port
        except ValueError as error:  # the error text may contain a password that was parsed as the port
            raise MqttError(f"the address of the MQTT broker is not valid: wanted {FORM}") from error
        if parts.scheme not in _PORTS or not parts.hostname:
            got = f"{parts.scheme}://" if parts.scheme else "no mqtt://"
            raise MqttError(f"the address of the MQTT broker: got {got} at the start, wanted {FORM}, or mqtts://")
        if parts.password is not None:
            raise MqttError(_ABOUT_PASSWORDS)
        return cls(
            host=_host(parts.hostname),
            port=_PORTS[parts.scheme] if port is None else _port(port),
            topic=_topic(parts.path, has_query="?" in address or "#" in address),
            user=unquote(parts.username) if parts.username else None,
            tls=parts.scheme == "mqtts",
        )

    @property
    def identity(self) -> str:
        """The client id of this listener: 21 characters that depend on the topic and that every broker accepts.

        It is always the same for a topic. So a device that lost power replaces its old connection when it restarts, and
        the broker does not mark the new connection as offline when it notices the loss of the old one.
        """
        return "emotion-edge-" + hashlib.sha256(self.topic.encode()).hexdigest()[:8]

    @property
    def tls_context(self) -> ssl.SSLContext | None:
        """The context that checks the certificate and name of the broker; None without TLS.

        Raises:
            MqttError: `ca_file` cannot be read, or has no certificate.
        """
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except ssl.SSLError as error:
            raise MqttError(f"{self.ca_file} has no certificate in PEM format") from error
        except OSError as error:
            raise MqttError(f"{self.ca_file}: {error.strerror}") from error

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def _host(host: str) -> str:
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise MqttError(f"the MQTT broker: got {host!r}, which is not a valid host name") from error
    return host


def _port(port: int) -> int:
    if not port:
        raise MqttError("the port of the MQTT broker: got 0, wanted 1 to 65535")
    return port


def _topic(path: str, *, has_query: bool) -> str:
    topic = unquote(path).strip("/")
    if not topic and not has_query:
        return f"emotion-edge/{_machine()}"
    invalid = has_query or re.search(r"[+#]", topic) or topic.startswith("$") or "//" in topic
    if invalid or not topic.isprintable() or len(topic) > _LONGEST_TOPIC:
        raise MqttError(
            f"the topic of the MQTT broker: got {topic!r}{' followed by ? or #' if has_query else ''}, "
            "wanted words with single slashes between them, as in home/kitchen, without + # ? and $, "
            f"up to {_LONGEST_TOPIC} characters"
        )
    return topic


def _machine() -> str:
    """Return the name of this machine as a level of a topic."""
    return re.sub(r"[^\w-]+", "-", socket.gethostname().split(".")[0]).strip("-") or "here"
