"""A connection to an MQTT broker. It is restored automatically, and the listener never waits for it."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from typing import Any, Final

from ..errors import MqttError
from .broker import Broker

_log = logging.getLogger(__name__)

_KEEPALIVE_S: Final = 30  # without a message for this long we give up the connection; the broker does so after 45 s
_SHORTEST_WAIT_S: Final = 1
_LONGEST_WAIT_S: Final = 60
_STABLE_S: Final = 3.0  # a connection that has lasted this long is stable
_LONGEST_CLOSE_S: Final = 1.0
_TOO_OFTEN: Final = 4  # this many lost connections without a stable one between them are too many


class BrokerConnection:
    """Keeps a connection to a broker in a separate thread and restores it whenever it is lost.

    Each problem is logged once. Publishing never waits: the caller must keep the messages that cannot be sent now.
    Messages that were sent but not confirmed may have been lost. They are counted in `unacknowledged` and sent again
    automatically.

    Args:
        broker: the address of the broker.
        will: topic and payload of a retained message that the broker publishes if this connection is lost unexpectedly.
        calls: topic and payload of a message that asks for everything to be published again.

    Attributes:
        renew: set whenever all retained messages must be published again, because the broker may have lost them or
            because `calls` was received. The caller publishes them and clears it.

    Raises:
        MqttError: paho-mqtt is not installed, or the file of certificates cannot be used.
    """

    def __init__(self, broker: Broker, *, will: tuple[str, str], calls: tuple[str, str]) -> None:
        self._broker: Final = broker
        self._calls: Final = calls
        self.renew: Final = threading.Event()
        self._client: Final = self._make_client(will)
        self._unacknowledged: Final[set[int]] = set()
        self._acknowledged: Final[deque[int]] = deque()  # filled by the other thread
        self._closing = False
        self._answer: str | None = None  # the answer of the broker to this connection: `accepted` or `refused`
        self._problems: Final = _Problems(broker)

    def open(self) -> None:
        """Start to connect."""
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=_KEEPALIVE_S)
        self._client.loop_start()

    @property
    def connected(self) -> bool:
        """Whether the broker can be reached now, as far as is known."""
        return self._answer == "accepted" and bool(self._client.is_connected())

    @property
    def unacknowledged(self) -> int:
        """The number of messages with QoS 1 that the broker has not confirmed."""
        while self._acknowledged:
            self._unacknowledged.discard(self._acknowledged.popleft())
        return len(self._unacknowledged)

    def publish(self, topic: str, payload: str, *, qos: int = 0, retain: bool = False) -> None:
        """Send a message. With QoS 0 it is lost if there is no connection."""
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        if qos:
            self._unacknowledged.add(info.mid)

    def watch(self) -> None:
        """Log when the connection is restored and stable. Call this regularly."""
        self._problems.check_recovery(connected=self.connected)

    def close(self) -> None:
        """Disconnect. The broker does not publish the will then."""
        self._closing = True
        self._client.disconnect()
        # A thread that looks up the broker's name, or waits for one that hangs, may do so for minutes.
        ending = threading.Thread(target=self._client.loop_stop, name="mqtt-end", daemon=True)
        ending.start()
        ending.join(_LONGEST_CLOSE_S)

    def _make_client(self, will: tuple[str, str]) -> Any:
        mqtt = _import_paho()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=self._broker.identity)
        client.reconnect_delay_set(_SHORTEST_WAIT_S, _LONGEST_WAIT_S)
        client.will_set(*will, qos=1, retain=True)
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        context = self._broker.tls_context
        if context is not None:
            client.tls_set_context(context)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_message = self._on_disconnect, self._on_message
        client.on_publish = lambda client, userdata, mid, *_: self._acknowledged.append(mid)
        return client

    # The client calls the following methods in its own thread.

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._answer = "refused"
            hint = " (check the user and the password in --mqtt-password or EMOTION_EDGE_MQTT_PASSWORD)"
            self._problems.warn(f"refuses the connection: {reason}{hint if _is_about_passwords(str(reason)) else ''}")
            return
        self._problems.connected_at = time.monotonic()
        client.subscribe(self._calls[0], qos=1)
        self.renew.set()
        self._answer = "accepted"  # set last, so that `renew` is set before `connected` is True

    def _on_connect_fail(self, client: Any, userdata: Any) -> None:
        error = sys.exc_info()[1]  # paho calls this while it handles the error, but does not pass it on
        self._problems.warn(f"cannot be reached: {_reason(error)}")

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        answer, self._answer = self._answer, None
        if self._closing:
            return
        if answer is None:
            self._problems.warn(
                "accepts the connection but does not answer: is it an MQTT broker, and is this the right port?"
            )
        elif answer == "accepted":
            self._problems.connection_lost()

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        if message.payload == self._calls[1].encode():
            self.renew.set()


class _Problems:
    """Logs the problems of a connection, each one once, and when the connection is stable again."""

    def __init__(self, broker: Broker) -> None:
        self._broker: Final = broker
        self._lock: Final = threading.Lock()
        self._logged: set[str] = set()
        self._since = 0.0
        self._n_lost = 0
        self.connected_at = 0.0

    def warn(self, text: str) -> None:
        """Log a problem, unless it has been logged since the last stable connection."""
        with self._lock:
            if not self._logged:
                self._since = time.monotonic()
            if text not in self._logged:
                self._logged.add(text)
                _log.warning(
                    "the MQTT broker %s %s; listening continues, and so do the attempts to connect", self._broker, text
                )

    def connection_lost(self) -> None:
        """Log that the connection was lost, and a hint if that happens again and again."""
        self._n_lost += 1
        self.warn("is no longer connected")
        if self._n_lost >= _TOO_OFTEN:
            self.warn(
                f"closes the connection again and again: does another program publish under {self._broker.topic}? "
                "Each program needs a different topic"
            )

    def check_recovery(self, *, connected: bool) -> None:
        """Log when the connection is stable again after problems."""
        with self._lock:
            if connected and self._logged and time.monotonic() - self.connected_at > _STABLE_S:
                away_s = self.connected_at - self._since
                self._logged.clear()
                self._n_lost = 0
                _log.warning("the MQTT broker %s is back after %.1f s", self._broker, away_s)


def _is_about_passwords(reason: str) -> bool:
    return reason in ("Not authorized", "Bad user name or password")


def _reason(error: BaseException | None) -> str:
    if isinstance(error, OSError):
        return getattr(error, "verify_message", "") or error.strerror or str(error) or type(error).__name__
    return str(error)


def _import_paho() -> Any:
    try:
        import paho.mqtt.client
    except ImportError as error:
        raise MqttError('MQTT needs the package paho-mqtt: pip install "emotion-edge[mqtt]"') from error
    if not hasattr(paho.mqtt.client, "CallbackAPIVersion"):
        raise MqttError('MQTT needs paho-mqtt 2 or later: pip install --upgrade "emotion-edge[mqtt]"')
    return paho.mqtt.client
