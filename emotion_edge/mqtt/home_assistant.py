"""What Home Assistant wants to be told over MQTT to make a sensor of a listener by itself.

Its documentation: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery and
https://www.home-assistant.io/integrations/sensor.mqtt/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .. import __version__
from .broker import Broker

BIRTH: Final = ("homeassistant/status", "online")
"""Topic and payload of the message with which it says that it has been started."""


def discovery_topic(broker: Broker) -> str:
    """Where it looks for sensors."""
    return f"homeassistant/sensor/{broker.identity}/config"


def discovery(broker: Broker, *, states: Sequence[str], model: str, expires_s: int) -> dict[str, Any]:
    """What makes a sensor: an enumeration with attributes, of a device called like the last level of the topic.

    Args:
        broker: with the topic under which the listener publishes `state`, `attributes` and `availability`.
        states: all that can be published as the state; Home Assistant ignores any other.
        model: the name of the model.
        expires_s: after so many seconds without the state it counts as unavailable.
    """
    about = {"name": "emotion-edge", "sw_version": __version__}
    return {
        "name": "Emotion",
        "unique_id": broker.identity,
        "device_class": "enum",
        "options": list(dict.fromkeys(states)),
        "state_topic": f"{broker.topic}/state",
        "json_attributes_topic": f"{broker.topic}/attributes",
        "availability_topic": f"{broker.topic}/availability",
        "payload_available": "online",
        "payload_not_available": "offline",
        "expire_after": expires_s,
        "icon": "mdi:account-voice",
        "device": {
            "identifiers": [broker.identity],
            "manufacturer": "emotion-edge",
            "model": model,
            **about,
            "name": f"emotion-edge {broker.topic.removeprefix('emotion-edge').split('/')[-1]}".strip(),
        },
        "origin": about,
    }
