"""Discovery by Home Assistant: checked against its documentation, and with a real Home Assistant if there is one."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import threading
import time
from datetime import datetime, timezone

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mosquitto import free_port, needs_mosquitto
from places import ROOT

from emotion_edge import Event
from emotion_edge.model.file import load, shipped
from emotion_edge.mqtt import home_assistant
from emotion_edge.mqtt.broker import Broker
from emotion_edge.mqtt.publisher import MqttPublisher

PAGE = (ROOT / "docs" / "how-to" / "mqtt.md").read_text()
(AUTOMATIONS,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(ADDRESS,) = re.findall(r"--mqtt (\S+)", PAGE)[:1]
RECIPE = load("five-emotions").recipe

# The documented options that are used, and the type of each:
# https://www.home-assistant.io/integrations/sensor.mqtt/ and https://www.home-assistant.io/integrations/mqtt/
DOCUMENTED = {
    "name": str,
    "unique_id": str,
    "device_class": str,
    "options": list,
    "state_topic": str,
    "json_attributes_topic": str,
    "availability_topic": str,
    "payload_available": str,
    "payload_not_available": str,
    "expire_after": int,
    "icon": str,
    "device": dict,
    "origin": dict,
}
DEVICE = {"identifiers": list, "manufacturer": str, "model": str, "name": str, "sw_version": str}
ORIGIN = {"name": str, "sw_version": str}


def check_discovery(topic, payload):
    """Check that a discovery message is as documented."""
    assert re.fullmatch(r"homeassistant/sensor/[a-zA-Z0-9_-]+/config", topic)
    for given_options, documented in (
        (payload, DOCUMENTED),
        (payload["device"], DEVICE),
        (payload["origin"], ORIGIN),
    ):
        for name, value in given_options.items():
            assert type(value) is documented[name], name
            assert value, name
    assert payload["state_topic"]  # required
    assert payload["device"]["identifiers"]  # or connections: at least one of them
    assert payload["origin"]["name"]  # required
    assert payload["device_class"] == "enum"  # otherwise options are not allowed
    assert len(set(payload["options"])) == len(payload["options"])
    assert payload["icon"].startswith("mdi:")
    for name in DOCUMENTED:
        if name.endswith("_topic"):
            assert not re.search(r"[+#]|^/|/$", payload[name]), name


@pytest.mark.parametrize("name", sorted(set(shipped()) - {"speech-gate"}))
def test_discovery_is_as_documented(name):
    publisher = MqttPublisher(Broker.parse(ADDRESS), load(name).recipe)
    topic, payload = publisher._discovery
    check_discovery(topic, json.loads(payload))
    assert json.loads(payload)["options"] == list(publisher.states)
    assert json.loads(payload)["device"]["name"] == "emotion-edge kitchen"


levels = st.text(st.characters(exclude_characters="+#/$", exclude_categories=("C", "Z")), min_size=1, max_size=20)


@given(st.lists(levels, min_size=1, max_size=4).map("/".join), st.lists(st.text(min_size=1), min_size=1))
def test_discovery_of_any_topic_and_labels(topic, labels):
    broker = Broker(host="host", port=1, topic=topic)
    payload = home_assistant.discovery(broker, states=[*labels, "quiet"], model="mine", expires_s=9)
    check_discovery(home_assistant.discovery_topic(broker), payload)
    assert {*labels, "quiet"} == {*payload["options"]}


def entity_id(payload):
    """Return the id that Home Assistant gives the sensor: the names of device and entity as a slug."""
    slug = re.sub(r"[^a-z0-9]+", "_", f"{payload['device']['name']} {payload['name']}".lower())
    return f"sensor.{slug}"


def test_the_automation_uses_the_published_states():
    publisher = MqttPublisher(Broker.parse(ADDRESS), RECIPE)
    sensor = entity_id(json.loads(publisher._discovery[1]))
    (automation,) = yaml.safe_load(AUTOMATIONS)
    assert {"id", "alias", "triggers", "conditions", "actions"} == set(automation)
    (trigger,) = automation["triggers"]
    assert (trigger["trigger"], trigger["entity_id"]) == ("state", sensor)
    assert trigger["to"] in publisher.states
    assert f"state_attr('{sensor}', 'confidence')" in automation["conditions"][0]["value_template"]
    assert f"`{sensor}`" in PAGE


HOME_ASSISTANT = """
import asyncio, json, sys
from homeassistant import bootstrap, core, runner

@core.callback
def print_state(event):
    state = event.data["new_state"]
    if state is not None and state.domain in ("sensor", "automation"):
        print(json.dumps([state.entity_id, state.state, dict(state.attributes)], default=str), flush=True)

async def main():
    hass = await bootstrap.async_setup_hass(runner.RuntimeConfig(config_dir=sys.argv[1]))
    hass.bus.async_listen("state_changed", print_state)
    await hass.async_start()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await hass.async_stop()

asyncio.run(main())
"""


@pytest.fixture
def home(broker, tmp_path):
    """A Home Assistant that uses the broker.

    Yields a function that waits for the next state of an entity, and the queue of all states that have not been read.
    """
    python = os.environ.get("EMOTION_EDGE_HOME_ASSISTANT")
    if not python:
        pytest.skip("EMOTION_EDGE_HOME_ASSISTANT is not set: it names the python of an environment with homeassistant")
    (tmp_path / ".storage").mkdir()
    (tmp_path / "automations.yaml").write_text(AUTOMATIONS)
    (tmp_path / "configuration.yaml").write_text(
        f"automation: !include automations.yaml\nhttp:\n  server_host: 127.0.0.1\n  server_port: {free_port()}\n"
    )
    now = datetime.now(timezone.utc).isoformat()
    entry = {
        "created_at": now,
        "modified_at": now,
        "data": {"broker": "127.0.0.1", "port": broker.port},
        "options": {"discovery": True},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "mqtt",
        "entry_id": "01J0000000000000000000MQTT",
        "minor_version": 2,
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": "broker",
        "unique_id": None,
        "version": 1,
    }
    store = {"version": 1, "minor_version": 5, "key": "core.config_entries", "data": {"entries": [entry]}}
    (tmp_path / ".storage" / "core.config_entries").write_text(json.dumps(store))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with open(tmp_path / "home-assistant.log", "w") as log:
        process = subprocess.Popen(
            [python, "-c", HOME_ASSISTANT, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        )
    states = queue.Queue()
    threading.Thread(target=lambda: [states.put(json.loads(line)) for line in process.stdout], daemon=True).start()

    def next_state(entity, timeout_s=90):
        while True:
            try:
                name, *state = states.get(timeout=timeout_s)
            except queue.Empty:
                raise AssertionError((tmp_path / "home-assistant.log").read_text()) from None
            if name == entity:
                return state

    yield next_state, states
    process.stdin.close()
    process.wait(60)


@needs_mosquitto
def test_a_real_home_assistant_follows(home, broker):
    next_state, states = home
    publisher = MqttPublisher(Broker(host="127.0.0.1", port=broker.port, topic=Broker.parse(ADDRESS).topic), RECIPE)
    sensor = entity_id(json.loads(publisher._discovery[1]))
    (automation,) = yaml.safe_load(AUTOMATIONS)
    stop = threading.Event()
    events = queue.Queue()

    def listen():
        with publisher:
            while not stop.is_set():
                publisher(None if events.empty() else events.get())
                time.sleep(0.05)

    def event(kind, label):
        now = datetime.now(timezone.utc)
        return Event(kind, "ok", label, 0.9, {label: 0.9}, 0, 1, now, RECIPE.name)

    def until(state):
        while True:
            current, attributes = next_state(sensor)
            if current == state:
                return attributes

    listening = threading.Thread(target=listen)
    listening.start()
    try:
        assert until("quiet")["options"] == list(publisher.states)
        events.put(event("enter", "sad"))
        attributes = until("sad")
        assert (attributes["confidence"], attributes["label"], attributes["event"]) == (0.9, "sad", "enter")
        name = f"automation.{re.sub('[^a-z]+', '_', automation['alias'].lower())}"
        while next_state(name)[1]["last_triggered"] is None:
            pass
        time.sleep(1)
        while not states.empty():
            states.get()
        publisher._connection.renew.set()  # everything is published again, but nothing has changed
        time.sleep(2)
        assert [state for state in states.queue if state[0] == sensor] == []
        broker.stop()
        until("unavailable")
        broker.start()
        assert until("sad")["label"] == "sad"
        events.put(event("leave", "sad"))
        until("quiet")
    finally:
        stop.set()
        listening.join(20)
    until("unavailable")
