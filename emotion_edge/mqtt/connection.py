"""A connection to an MQTT broker that comes and goes, while nobody waits for it."""

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

_KEEPALIVE_S: Final = (
    30  # a broker that gives no sign of life for so long is given up, and so does the broker with us, in 45 s
)
_SHORTEST_WAIT_S: Final = 1
_LONGEST_WAIT_S: Final = 60
_LASTING_S: Final = 3.0  # a connection that has lasted so long counts as one
_LONGEST_CLOSE_S: Final = 1.0
_TOO_OFTEN: Final = 4  # times that a connection is lost, before any has lasted


class BrokerConnection:
    """Keeps a connection to a broker, in a thread of its own, for as long as it takes; trouble is told once.

    Publishing never waits: what cannot be sent now is for the caller to keep, and `unacknowledged` is what was sent and may
    have been lost on the way; it is sent again by itself.

    Args:
        broker: where.
        will: topic and payload that the broker publishes for us, retained, when we are gone without a word.
        calls: topic and payload of a message that asks for everything to be published again.

    Attributes:
        renew: set whenever everything retained must be published again: the broker may have forgotten it, or somebody
            asks for it. Whoever does it clears it.

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
        self._answer: str | None = None  # of the broker to this connection: `welcome` or `refusal`
        self._trouble: Final = _Trouble(broker)

    def open(self) -> None:
        """Begin to connect."""
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=_KEEPALIVE_S)
        self._client.loop_start()

    @property
    def connected(self) -> bool:
        """Whether messages reach the broker now, as far as is known."""
        return self._answer == "welcome" and bool(self._client.is_connected())

    @property
    def unacknowledged(self) -> int:
        """How many messages of QoS 1 the broker has not confirmed."""
        while self._acknowledged:
            self._unacknowledged.discard(self._acknowledged.popleft())
        return len(self._unacknowledged)

    def publish(self, topic: str, payload: str, *, qos: int = 0, retain: bool = False) -> None:
        """Send a message on its way; with QoS 0 it is gone unless there is a connection."""
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        if qos:
            self._unacknowledged.add(info.mid)

    def watch(self) -> None:
        """Say so when the broker is back for good; to be called now and then."""
        self._trouble.settle(self.connected)

    def close(self) -> None:
        """Disconnect. The will is not published then."""
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

    # What follows is called in the client's own thread.

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._answer = "refusal"
            hint = " (check the user, and the password in --mqtt-password or EMOTION_EDGE_MQTT_PASSWORD)"
            self._trouble.tell(f"refuses the connection: {reason}{hint if _is_about_passwords(str(reason)) else ''}")
            return
        self._trouble.connected_at = time.monotonic()
        client.subscribe(self._calls[0], qos=1)
        self.renew.set()
        self._answer = "welcome"  # last: who sees it sees `renew` too

    def _on_connect_fail(self, client: Any, userdata: Any) -> None:
        error = sys.exc_info()[1]  # paho calls this while it handles the error, and does not hand it over
        self._trouble.tell(f"cannot be reached: {_reason(error)}")

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        answer, self._answer = self._answer, None
        if self._closing:
            return
        if answer is None:
            self._trouble.tell("takes the connection and gives no answer: is it a broker, and is this its port?")
        elif answer == "welcome":
            self._trouble.lost()

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        if message.payload == self._calls[1].encode():
            self.renew.set()


class _Trouble:
    """Tells what is wrong with a connection, each thing once, and when it is over."""

    def __init__(self, broker: Broker) -> None:
        self._broker: Final = broker
        self._lock: Final = threading.Lock()
        self._told: set[str] = set()
        self._since = 0.0
        self._n_lost = 0
        self.connected_at = 0.0

    def tell(self, text: str) -> None:
        with self._lock:
            if not self._told:
                self._since = time.monotonic()
            if text not in self._told:
                self._told.add(text)
                _log.warning("the MQTT broker %s %s; listening goes on, and so do the tries", self._broker, text)

    def lost(self) -> None:
        self._n_lost += 1
        self.tell("is gone")
        if self._n_lost >= _TOO_OFTEN:
            self.tell(
                f"closes the connection again and again: does another program publish under {self._broker.topic}? "
                "Each needs a topic of its own"
            )

    def settle(self, connected: bool) -> None:
        with self._lock:
            if connected and self._told and time.monotonic() - self.connected_at > _LASTING_S:
                away_s = self.connected_at - self._since
                self._told.clear()
                self._n_lost = 0
                _log.warning("the MQTT broker %s is there again after %.1f s", self._broker, away_s)


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
