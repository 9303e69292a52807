"""The MQTT message from which Home Assistant creates a sensor for a listener automatically.

Documentation: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery and
https://www.home-assistant.io/integrations/sensor.mqtt/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .. import __version__
from .broker import Broker

BIRTH: Final = ("homeassistant/status", "online")
"""Topic and payload of the message that Home Assistant publishes when it has started."""


def discovery_topic(broker: Broker) -> str:
    """Return the topic on which Home Assistant expects the discovery message."""
    return f"homeassistant/sensor/{broker.identity}/config"


def discovery(broker: Broker, *, states: Sequence[str], model: str, expires_s: int) -> dict[str, Any]:
    """Return the discovery message: a sensor with a fixed set of states and with attributes.

    Its device is named after the last level of the topic.

    Args:
        broker: the broker; its topic is the one under which the listener publishes `state`, `attributes` and
            `availability`.
        states: every state that can be published. Home Assistant ignores all others.
        model: the name of the model.
        expires_s: after this many seconds without a state message, Home Assistant marks the sensor as unavailable.
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
