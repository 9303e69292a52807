"""Publishes the events of a listener to an MQTT broker."""

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
"""The state while there is no speech."""
UNCERTAIN: Final = "uncertain"
"""The state while there is speech but no label is likely enough."""

_REFRESH_S: Final = 60  # how often the state is repeated; Home Assistant does not record a state that stays the same
_EXPIRES_S: Final = 3 * _REFRESH_S
_MOST_WAITING: Final = 1000  # five hundred labels entered and left, in less than a megabyte
_MOST_UNACKNOWLEDGED: Final = 10  # the others stay in our queue, where the oldest can be dropped
_LONGEST_CLOSE_S: Final = 3.0
_POLL_S: Final = 0.02


class MqttPublisher:
    """Publishes the state, attributes and events of one listener.

    It never waits, except at the end of the `with` block, for at most 3 s. These are the topics under the topic of the
    broker:

    - `state` (retained): a label of the model, `uncertain` or `quiet`
    - `attributes` (retained): the last event as JSON
    - `availability` (retained): `online` or `offline`
    - `event`: each `enter` and `leave` event as JSON

    State, attributes and availability describe the present. They are sent when they change, every minute, and after
    each new connection. A lost message is replaced by the next one and never sent late.

    Events are history. While the broker cannot be reached, the last 1000 of them wait and older ones are dropped. They
    are sent until the broker confirms them, so an event may arrive twice.

    Args:
        broker: the address of the broker.
        recipe: the recipe of the listener's model.

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
        # They are sent in this order, so that the attributes are there when a program reacts to the state.
        self._now = {"availability": "online", "attributes": "{}", "state": QUIET}
        self._changed: Final[set[str]] = set()
        self._left = False  # the last event left a label, and the next one may enter another at once
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

    def __call__(self, event: Event | None, *, online: bool = True) -> None:
        """Publish an event. Call this several times a second, with None if there is no event, to send what waits.

        Args:
            event: the event, or None.
            online: whether the microphone is plugged in; otherwise the listener is `offline`.
        """
        self._set("availability", "online" if online else "offline")
        if event is not None:
            self._add_event(event)
        elif self._left:
            self._left = False
            self._set("state", QUIET)
        self._send()

    def close(self) -> None:
        """Wait until the broker has the events, publish `offline`, and log how many events could not be delivered."""
        self._left = False
        self._set("state", QUIET)
        self._send()
        until = time.monotonic() + _LONGEST_CLOSE_S
        while self._n_undelivered and time.monotonic() < until:
            time.sleep(_POLL_S)
            self._send()
        if self._n_undelivered:
            _log.warning("the MQTT broker %s never confirmed the last %d events", self.broker, self._n_undelivered)
        if self._connection.connected:
            self._connection.publish(self._topic("availability"), "offline", qos=1, retain=True)
            while self._connection.unacknowledged and time.monotonic() < until:
                time.sleep(_POLL_S)
        self._connection.close()

    def _add_event(self, event: Event) -> None:
        self._left = event.kind == "leave"
        text = _json(event.to_dict())
        if event.kind == "hold":  # these are frequent, so they are only sent with the next refresh
            self._now["attributes"] = text
            return
        self._set("attributes", text)
        if not self._left:
            self._set("state", event.label or UNCERTAIN)
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft()
            self._n_dropped += 1
            if self._n_dropped == 1 or self._n_dropped % _MOST_WAITING == 0:
                _log.warning(
                    "the MQTT broker cannot be reached: %d events lost so far, the oldest first", self._n_dropped
                )
        self._waiting.append(text)

    def _set(self, name: str, value: str) -> None:
        if self._now[name] != value:
            self._now[name] = value
            self._changed.add(name)

    def _send(self) -> None:
        """Send everything that waits, if the broker is connected."""
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
        if not self._left:  # if one label follows another, there is no `quiet` between them
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
