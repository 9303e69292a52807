"""What a listener hears, told to an MQTT broker."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from types import TracebackType
from typing import Any, Final

from ..live.events import Event
from ..model.recipe import ModelRecipe
from . import home_assistant
from .broker import Broker
from .connection import BrokerConnection

_log = logging.getLogger(__name__)

QUIET: Final = "quiet"
"""The state while nobody speaks."""
UNCERTAIN: Final = "uncertain"
"""The state while somebody speaks and no label is likely enough."""

_REFRESH_S: Final = 60  # how often the state is repeated; the same again is no news to Home Assistant, and not recorded
_EXPIRES_S: Final = 3 * _REFRESH_S
_MOST_WAITING: Final = 1000  # five hundred labels come and gone, in less than a megabyte
_MOST_UNACKNOWLEDGED: Final = 10  # the others wait with us, where the oldest can go
_LONGEST_FAREWELL_S: Final = 3.0
_PATIENCE_S: Final = 0.02


class MqttPublisher:
    """Publishes state, attributes and events of one listener. Nothing here waits, but the end of a `with` block, 3 s at most.

    Under the broker's topic: `state`, a label of the model, `uncertain` or `quiet`; `attributes`, the last event as JSON;
    `availability`, `online` or `offline`; all of these retained; and each `enter` and `leave` as `event`, JSON.

    Two kinds of message, two promises. What is so now (state, attributes, availability) is sent when it changes, each
    minute, and anew after each connect: one that is lost is replaced by its successor, never sent late. Events are history:
    they wait for the broker, 1000 of them before the oldest goes, and are sent until it confirms them, so that one may
    arrive twice.

    Args:
        broker: where.
        recipe: of the model that is listened with.

    Raises:
        MqttError: paho-mqtt is not installed, or the file of certificates cannot be used.
    """

    def __init__(self, broker: Broker, recipe: ModelRecipe) -> None:
        self.broker: Final = broker
        self.states: Final = (*recipe.labels, UNCERTAIN, QUIET)
        discovery = home_assistant.discovery(broker, states=self.states, model=recipe.name, expires_s=_EXPIRES_S)
        self._discovery: Final = home_assistant.discovery_topic(broker), _json(discovery)
        will = self._topic("availability"), "offline"
        self._connection: Final = BrokerConnection(broker, will=will, calls=home_assistant.BIRTH)
        # In this order they are sent: who acts on a state finds its attributes there already.
        self._now = {"availability": "online", "attributes": "{}", "state": QUIET}
        self._changed: Final[set[str]] = set()
        self._left = False  # the last event left a label: it may be that the next one enters another
        self._refresh_at = 0.0
        self._waiting: Final[deque[str]] = deque()
        self._n_dropped = 0

    def __enter__(self) -> MqttPublisher:
        self._connection.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, event: Event | None, *, hearing: bool = True) -> None:
        """Take an event; or None where there is none, several times a second, for what has to be done in between.

        Args:
            event: what happened.
            hearing: whether there is a microphone; without one the listener is `offline`.
        """
        self._set("availability", "online" if hearing else "offline")
        if event is not None:
            self._hear(event)
        elif self._left:
            self._left = False
            self._set("state", QUIET)
        self._attend()

    def close(self) -> None:
        """Wait until the broker has the events, say goodbye, and tell what could not be delivered."""
        self._left = False
        self._set("state", QUIET)
        self._attend()
        until = time.monotonic() + _LONGEST_FAREWELL_S
        while self._n_undelivered and time.monotonic() < until:
            time.sleep(_PATIENCE_S)
            self._attend()
        if self._n_undelivered:
            _log.warning("the MQTT broker %s never confirmed the last %d events", self.broker, self._n_undelivered)
        if self._connection.connected:
            self._connection.publish(self._topic("availability"), "offline", qos=1, retain=True)
            while self._connection.unacknowledged and time.monotonic() < until:
                time.sleep(_PATIENCE_S)
        self._connection.close()

    def _hear(self, event: Event) -> None:
        self._left = event.kind == "leave"
        text = _json(event.to_dict())
        if event.kind == "hold":  # at each decision: that goes out with the next refresh
            self._now["attributes"] = text
            return
        self._set("attributes", text)
        if not self._left:
            self._set("state", event.label or UNCERTAIN)
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft()
            self._n_dropped += 1
            if self._n_dropped == 1 or self._n_dropped % _MOST_WAITING == 0:
                _log.warning("the MQTT broker is away: %d events lost so far, the oldest first", self._n_dropped)
        self._waiting.append(text)

    def _set(self, name: str, value: str) -> None:
        if self._now[name] != value:
            self._now[name] = value
            self._changed.add(name)

    def _attend(self) -> None:
        """Send what there is to send, if there is a broker."""
        connection = self._connection
        connection.watch()
        if not connection.connected:
            return
        if connection.renew.is_set():
            connection.renew.clear()
            connection.publish(*self._discovery, retain=True)
            self._refresh_at = 0.0
        if time.monotonic() >= self._refresh_at:
            self._refresh_at = time.monotonic() + _REFRESH_S
            self._changed.update(self._now)
        if not self._left:  # where one label follows another there is no `quiet` between them
            for name in [name for name in self._now if name in self._changed]:
                connection.publish(self._topic(name), self._now[name], retain=True)
            self._changed.clear()
        while self._waiting and connection.unacknowledged < _MOST_UNACKNOWLEDGED:
            connection.publish(self._topic("event"), self._waiting.popleft(), qos=1)

    @property
    def _n_undelivered(self) -> int:
        return len(self._waiting) + self._connection.unacknowledged

    def _topic(self, name: str) -> str:
        return f"{self.broker.topic}/{name}"


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)
