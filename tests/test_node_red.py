"""The example flow for Node-RED: it is consistent, and it runs in a real Node-RED if there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest
from mosquitto import Subscriber, free_port, needs_mosquitto
from paho.mqtt.client import topic_matches_sub
from places import EXAMPLES

from emotion_edge.model.file import load
from emotion_edge.mqtt.broker import Broker
from emotion_edge.mqtt.publisher import MqttPublisher

FLOW = json.loads((EXAMPLES / "node-red-flow.json").read_text())
NODES = {node["id"]: node for node in FLOW}
PUBLISHER = MqttPublisher(Broker.parse("mqtt://localhost"), load("five-emotions").recipe)


def of_type(kind):
    return [node for node in FLOW if node["type"] == kind]


def test_the_flow_is_consistent():
    assert len(NODES) == len(FLOW)
    (tab,) = of_type("tab")
    reached = {target for node in FLOW for output in node.get("wires", []) for target in output}
    for node in FLOW:
        if "z" in node:
            assert node["z"] == tab["id"]
            assert (node["type"] == "mqtt in") == (node["id"] not in reached), node
        if "broker" in node and node["type"] != "mqtt-broker":
            assert NODES[node["broker"]]["type"] == "mqtt-broker"
        if node["type"] == "switch":
            assert len(node["rules"]) == node["outputs"] == len(node["wires"])
    assert reached <= set(NODES)


def test_it_subscribes_to_the_published_topics():
    (subscription,) = of_type("mqtt in")
    assert topic_matches_sub(subscription["topic"], f"{PUBLISHER.broker.topic}/state")
    for name in ("attributes", "availability", "event"):
        assert not topic_matches_sub(subscription["topic"], f"{PUBLISHER.broker.topic}/{name}")
    (switch,) = of_type("switch")
    assert {rule["v"] for rule in switch["rules"]} <= set(PUBLISHER.states)
    (broker,) = of_type("mqtt-broker")
    assert int(broker["port"]) == PUBLISHER.broker.port


@needs_mosquitto
@pytest.mark.skipif(shutil.which("node-red") is None, reason="there is no node-red here: npm install -g node-red")
def test_a_real_node_red_runs_it(broker, tmp_path):
    here = [{**node, "port": str(broker.port)} if node["type"] == "mqtt-broker" else node for node in FLOW]
    (tmp_path / "flows.json").write_text(json.dumps(here))
    command = ["node-red", "--userDir", tmp_path, "--port", str(free_port()), "flows.json"]
    with open(tmp_path / "node-red.log", "wb") as log:
        node_red = subprocess.Popen(command, stdout=log, stderr=log)
    subscriber = Subscriber(broker.port)
    light = of_type("mqtt out")[0]["topic"]
    try:
        until = time.monotonic() + 60
        while "emotion-edge/+/state" not in broker.log.read_text():  # it has subscribed
            assert time.monotonic() < until, (tmp_path / "node-red.log").read_text()
            time.sleep(0.2)
        for state in ("quiet", "sad", "sad", "uncertain", "happy", "quiet"):
            subscriber.publish(f"{PUBLISHER.broker.topic}/state", state)
        subscriber.wait(lambda: len(subscriber.of(light)) >= 2)
        time.sleep(0.5)  # to see that only these two arrive
        assert [json.loads(text)["brightness"] for text in subscriber.of(light)] == [100, 254]
    finally:
        subscriber.close()
        node_red.terminate()
        node_red.wait(20)
