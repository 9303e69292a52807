"""The publisher with a real broker that starts, stops, freezes, refuses connections and loses its messages."""

from __future__ import annotations

import json
import socketserver
import subprocess
import threading
import time
from datetime import datetime, timezone
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from mosquitto import Mosquitto, Subscriber, needs_mosquitto, retained

from emotion_edge.live.events import Event
from emotion_edge.model.file import load
from emotion_edge.mqtt import home_assistant
from emotion_edge.mqtt import publisher as publishing
from emotion_edge.mqtt.broker import Broker
from emotion_edge.mqtt.publisher import MqttPublisher

RECIPE = load("five-emotions").recipe
TOPIC = "home/kitchen"


def event(kind, label, number=0.0):
    probabilities = dict.fromkeys(RECIPE.labels, 0.2) if label is None else {label: 0.9}
    status: Any = "uncertain" if label is None else "ok"
    now = datetime.now(timezone.utc)
    return Event(kind, status, label, 0.9, probabilities, number, number + 1, now, RECIPE.name)


@pytest.fixture
def subscriber(broker):
    listening = Subscriber(broker.port)
    yield listening
    listening.close()


class Running:
    """A publisher that a thread calls all the time, as the live loop does, with the events of a test."""

    def __init__(self, broker):
        self.publisher = MqttPublisher(broker, RECIPE)
        self.online = True
        self._events, self._stop = [], threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        with self.publisher:
            while not self._stop.is_set():
                self.publisher(self._events.pop(0) if self._events else None, online=self.online)
                if not self._events:
                    time.sleep(0.02)

    def send(self, *events):
        """Pass events to the publisher and wait until it has received them."""
        self._events += events
        self._wait_until(lambda: not self._events)

    def wait_until_connected(self):
        self._wait_until(lambda: self.publisher._connection.connected)

    def wait_until_delivered(self):
        self._wait_until(lambda: not self.publisher._n_undelivered)

    def _wait_until(self, condition):
        until = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < until
            assert self._thread.is_alive()
            time.sleep(0.01)

    def stop(self):
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def publish():
    """A function that starts a publisher."""
    running = []

    def start(port, *, topic=TOPIC, host="127.0.0.1", **options):
        running.append(Running(Broker(host=host, port=port, topic=topic, **options)))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def wait_for_message(caplog, text=""):
    """Wait until a message that contains a text has been logged."""
    until = time.monotonic() + 30
    while not any(text in each for each in caplog.messages):
        assert time.monotonic() < until, caplog.messages
        time.sleep(0.1)


def changes(messages):
    """Return the messages without those that repeat the one before."""
    return [text for text, before in zip(messages, [None, *messages], strict=False) if text != before]


@needs_mosquitto
def test_a_new_subscriber_gets_the_current_state(broker, publish):
    running = publish(broker.port)
    running.wait_until_connected()
    running.send(event("enter", "happy"))
    time.sleep(0.3)
    now = retained(broker.port)
    assert now[f"{TOPIC}/availability"] == "online"
    assert now[f"{TOPIC}/state"] == "happy"
    assert json.loads(now[f"{TOPIC}/attributes"])["confidence"] == 0.9
    (topic,) = [topic for topic in now if topic.startswith("homeassistant/")]
    assert topic == home_assistant.discovery_topic(running.publisher.broker)
    assert json.loads(now[topic])["state_topic"] == f"{TOPIC}/state"
    assert f"{TOPIC}/event" not in now


@needs_mosquitto
def test_the_state_before_any_speech(broker, subscriber, publish):
    publish(broker.port)
    subscriber.wait(lambda: subscriber.of(f"{TOPIC}/state"))
    assert subscriber.of(f"{TOPIC}/availability") == ["online"]
    assert subscriber.of(f"{TOPIC}/attributes") == ["{}"]
    assert subscriber.of(f"{TOPIC}/state") == ["quiet"]


@needs_mosquitto
def test_state_attributes_and_events(broker, subscriber, publish):
    running = publish(broker.port)
    subscriber.wait(lambda: subscriber.of(f"{TOPIC}/state"))
    sent = [
        event("enter", None, 1),
        event("hold", None, 1),
        event("leave", None, 1),
        event("enter", "sad", 2),  # follows at once: no `quiet` between them
        *[event("hold", "sad", 2)] * 500,
        event("leave", "sad", 2),
    ]
    running.send(*sent)
    subscriber.wait(lambda: subscriber.of(f"{TOPIC}/state")[-1:] == ["quiet"] and len(subscriber.messages) > 5)
    running.send(event("enter", "angry", 3))
    subscriber.wait(lambda: len(subscriber.of(f"{TOPIC}/event")) == 5)
    assert changes(subscriber.of(f"{TOPIC}/state")) == ["quiet", "uncertain", "sad", "quiet", "angry"]
    received = [json.loads(text) for text in subscriber.of(f"{TOPIC}/event")]
    expected = [each for each in [*sent, event("enter", "angry", 3)] if each.kind != "hold"]
    assert [(each["event"], each["label"]) for each in received] == [(each.kind, each.label) for each in expected]
    assert set(received[0]) == set(expected[0].to_dict())
    attributes = [json.loads(text) for text in subscriber.of(f"{TOPIC}/attributes")]
    assert [(each.get("event"), each.get("label")) for each in attributes] == [
        (None, None),
        ("enter", None),
        ("enter", "sad"),
        ("leave", "sad"),
        ("enter", "angry"),
    ]
    topics = [message.topic.rsplit("/", 1)[1] for message in subscriber.messages]
    for at, (topic, before) in enumerate(zip(topics[1:], topics, strict=False), 1):
        assert topic != "state" or before == "attributes", at  # the attributes are there before the state


@needs_mosquitto
def test_the_state_is_repeated_so_that_it_does_not_expire(broker, subscriber, publish, monkeypatch):
    monkeypatch.setattr(publishing, "_REFRESH_S", 0.3)
    running = publish(broker.port)
    running.wait_until_connected()
    running.send(event("enter", "sad", 1), event("hold", "sad", 2))
    subscriber.wait(lambda: subscriber.of(f"{TOPIC}/state").count("sad") >= 3)
    assert json.loads(subscriber.of(f"{TOPIC}/attributes")[-1])["event"] == "hold"
    assert len(subscriber.of(f"{TOPIC}/event")) == 1
    assert len([message for message in subscriber.messages if message.topic.startswith("homeassistant")]) == 1


@needs_mosquitto
def test_offline_without_a_microphone(broker, subscriber, publish):
    running = publish(broker.port)
    subscriber.wait(lambda: subscriber.of(f"{TOPIC}/availability") == ["online"])
    running.online = False
    subscriber.wait(lambda: subscriber.of(f"{TOPIC}/availability")[-1] == "offline")
    running.online = True
    subscriber.wait(lambda: subscriber.of(f"{TOPIC}/availability")[-1] == "online")


@needs_mosquitto
def test_a_publisher_that_is_closed_is_quiet_and_offline(broker, publish):
    running = publish(broker.port)
    running.wait_until_connected()
    running.send(event("enter", "happy"))
    running.stop()
    now = retained(broker.port)
    assert (now[f"{TOPIC}/availability"], now[f"{TOPIC}/state"]) == ("offline", "quiet")


@needs_mosquitto
@pytest.mark.slow
def test_a_broker_that_restarts_gets_everything_again(broker, publish, caplog):
    running = publish(broker.port)
    running.wait_until_connected()
    running.send(event("enter", "happy", 1))
    running.wait_until_delivered()
    broker.stop()
    while_away = [event("leave", "happy", 1), event("enter", "fear", 2), event("hold", "fear", 2)]
    while running.publisher._connection.connected:
        time.sleep(0.02)
    running.send(*while_away)
    assert not [each for each in caplog.messages if "is back" in each]
    broker.start()
    subscriber = Subscriber(broker.port)
    subscriber.wait(lambda: len(subscriber.of(f"{TOPIC}/event")) >= 2)
    assert [json.loads(text)["event"] for text in subscriber.of(f"{TOPIC}/event")] == ["leave", "enter"]
    subscriber.wait(lambda: subscriber.of(f"{TOPIC}/state"))
    assert changes(subscriber.of(f"{TOPIC}/state")) == ["fear"]  # no outdated state
    assert subscriber.of(f"{TOPIC}/availability")[-1] == "online"
    assert any(message.topic.startswith("homeassistant/sensor/") for message in subscriber.messages)
    subscriber.close()
    wait_for_message(caplog, "is back after")
    assert len(set(caplog.messages)) == len(caplog.messages)
    assert len([each for each in caplog.messages if "is no longer connected" in each]) == 1


@needs_mosquitto
def test_if_too_many_events_wait_the_oldest_are_dropped_and_that_is_logged(broker, publish, monkeypatch, caplog):
    monkeypatch.setattr(publishing, "_MOST_WAITING", 30)
    broker.stop()
    running = publish(broker.port)
    running.send(*[event("enter", "sad", number) for number in range(75)])
    broker.start()
    subscriber = Subscriber(broker.port)
    subscriber.wait(lambda: len(subscriber.of(f"{TOPIC}/event")) >= 30)
    running.stop()
    subscriber.close()
    assert [json.loads(text)["start_s"] for text in subscriber.of(f"{TOPIC}/event")] == [*range(45, 75)]
    lost = [each.split(": ")[1] for each in caplog.messages if "lost so far" in each]
    assert lost == [f"{n} events lost so far, the oldest first" for n in (1, 30)]
    assert len([each for each in caplog.messages if "cannot be reached: Connection refused" in each]) == 1


@needs_mosquitto
def test_a_frozen_broker_does_not_block_the_listener(broker, publish):
    running = publish(broker.port)
    running.wait_until_connected()
    subscriber = Subscriber(broker.port)
    broker.freeze()
    running.send(*[event(kind, "sad", number) for number in range(200) for kind in ("enter", "leave")])
    assert len(subscriber.of(f"{TOPIC}/event")) == 0
    broker.thaw()
    subscriber.wait(lambda: len(subscriber.of(f"{TOPIC}/event")) >= 400)
    received = [json.loads(text) for text in subscriber.of(f"{TOPIC}/event")]
    assert [each["start_s"] for each in received] == [number for number in range(200) for _ in range(2)]
    subscriber.close()


@needs_mosquitto
def test_with_a_frozen_broker_few_events_are_sent_and_the_newest_others_wait(broker, publish, monkeypatch):
    monkeypatch.setattr(publishing, "_MOST_WAITING", 30)
    running = publish(broker.port)
    running.wait_until_connected()
    subscriber = Subscriber(broker.port)
    broker.freeze()
    running.send(*[event("enter", "sad", number) for number in range(75)])
    broker.thaw()
    subscriber.wait(lambda: len(subscriber.of(f"{TOPIC}/event")) >= 40)
    assert [json.loads(text)["start_s"] for text in subscriber.of(f"{TOPIC}/event")] == [*range(10), *range(45, 75)]
    subscriber.close()


@needs_mosquitto
@pytest.mark.slow
def test_a_frozen_broker_does_not_block_the_end(broker, publish, caplog):
    running = publish(broker.port)
    running.wait_until_connected()
    broker.freeze()
    running.send(event("enter", "sad"), event("leave", "sad"))
    running.stop()
    assert [each for each in caplog.messages if "never confirmed the last 2 events" in each]


@needs_mosquitto
def test_events_that_were_sent_when_the_broker_died_arrive(broker, publish):
    running = publish(broker.port)
    running.wait_until_connected()
    broker.freeze()
    running.send(*[event("enter", "sad", number) for number in range(25)])  # more than may be unconfirmed
    broker._process.kill()
    broker._process.wait(20)
    broker.start()
    subscriber = Subscriber(broker.port)
    subscriber.wait(lambda: {json.loads(text)["start_s"] for text in subscriber.of(f"{TOPIC}/event")} == {*range(25)})
    subscriber.close()


@needs_mosquitto
def test_home_assistant_gets_everything_again_when_it_starts(broker, subscriber, publish):
    running = publish(broker.port)
    topic = home_assistant.discovery_topic(running.publisher.broker)
    subscriber.wait(lambda: len(subscriber.of(f"{TOPIC}/state")) == 1)
    subscriber.publish("homeassistant/status", "offline")
    time.sleep(0.3)
    assert len(subscriber.of(topic)) == 1
    subscriber.publish("homeassistant/status", "online")
    subscriber.wait(lambda: len(subscriber.of(f"{TOPIC}/state")) == 2)
    assert len(subscriber.of(topic)) == 2
    assert subscriber.of(f"{TOPIC}/availability") == ["online", "online"]


@needs_mosquitto
def test_a_broker_that_needs_a_password(tmp_path, publish, caplog):
    passwords = tmp_path / "passwords"
    passwords.write_text("anna:secret\n")
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
    broker = Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}")
    try:
        wrong = publish(broker.port, topic="wrong", user="anna", password="secrets")
        without = publish(broker.port, topic="without")
        right = publish(broker.port, user="anna", password="secret")
        right.wait_until_connected()
        until = time.monotonic() + 20
        while broker.log.read_text().count("not authorised") < 4:  # both try again
            assert time.monotonic() < until, broker.log.read_text()
            time.sleep(0.1)
        for each in (wrong, without):
            assert not each.publisher._connection.connected
        now = retained(broker.port, username="anna", password="secret")
        assert {topic.rsplit("/", 1)[0] for topic in now if not topic.startswith("homeassistant")} == {TOPIC}
        refused = [each for each in caplog.messages if "refuses the connection: Not authorized" in each]
        assert len(refused) == 2  # one for each
        assert "check the user and the password" in refused[0]
        assert "secrets" not in caplog.text
    finally:
        broker.stop()


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def encrypted(tmp_path, authority):
    """A broker with a certificate from the authority of this test."""
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    files = f"certfile {tmp_path / 'certificate.pem'}", f"keyfile {tmp_path / 'key.pem'}"
    running = Mosquitto(tmp_path, "allow_anonymous true", *files)
    yield running
    running.stop()


@needs_mosquitto
def test_tls_with_your_own_authority(encrypted, authority, tmp_path, publish):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    running = publish(encrypted.port, host="localhost", tls=True, ca_file=tmp_path / "ca.pem")
    running.wait_until_connected()
    running.send(event("enter", "sad"))
    running.stop()
    log = encrypted.log.read_text()
    assert f"Received PUBLISH from {running.publisher.broker.identity}" in log
    assert f"'{TOPIC}/event'" in log


@needs_mosquitto
@pytest.mark.parametrize("trust", ["another", "the system's"])
def test_tls_with_a_certificate_that_is_not_trusted(encrypted, tmp_path, publish, trust, caplog):
    ca_file = None
    if trust == "another":
        ca_file = tmp_path / "another.pem"
        trustme.CA().cert_pem.write_to_path(ca_file)
    publish(encrypted.port, host="localhost", tls=True, ca_file=ca_file)
    wait_for_message(caplog)
    assert "cannot be reached: " in caplog.messages[0]
    assert "local issuer certificate" in caplog.messages[0] or "self-signed" in caplog.messages[0]
    assert "Received CONNECT" not in encrypted.log.read_text()


@needs_mosquitto
def test_tls_for_another_name(encrypted, authority, tmp_path, publish, caplog):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    publish(encrypted.port, tls=True, ca_file=tmp_path / "ca.pem")  # by its IP address
    wait_for_message(caplog)
    assert "IP address mismatch" in caplog.messages[0]


@needs_mosquitto
@pytest.mark.slow
def test_two_listeners_with_the_same_topic_are_reported(broker, publish, caplog):
    for _ in range(2):
        publish(broker.port)
    wait_for_message(caplog, "does another program publish under home/kitchen")
    assert len([each for each in caplog.messages if "is no longer connected" in each]) <= 2


def test_a_port_without_a_broker(publish, caplog):
    class Hangup(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(100)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Hangup) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        publish(server.server_address[1])
        wait_for_message(caplog)
        server.shutdown()
    assert "is it an MQTT broker, and is this the right port?" in caplog.messages[0]


class Recorded:
    """Records the messages instead of sending them."""

    connected, unacknowledged = True, 0

    def __init__(self, broker, **_):
        self.messages, self.renew = [], threading.Event()

    def publish(self, topic, payload, **_):
        self.messages.append((topic.rsplit("/", 1)[1], payload))

    def watch(self):
        pass


labels = st.sampled_from([*RECIPE.labels, None])
spoken = st.lists(
    st.tuples(labels, st.integers(0, 3), st.booleans()), max_size=20
)  # label, how often it is held, whether there is a pause after it


@given(spoken)
def test_for_any_events_the_state_is_one_of_the_options_and_follows_the_last_event(utterances):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "BrokerConnection", Recorded)
        publisher = MqttPublisher(Broker(host="host", port=1, topic=TOPIC), RECIPE)
    connection: Any = publisher._connection
    connection.renew.set()
    publisher(None)
    given_events = []
    for label, n_holds, pause in utterances:
        some = [event("enter", label), *[event("hold", label)] * n_holds, event("leave", label)]
        given_events += some
        for each in some:
            publisher(each)
        expected = label or "uncertain"
        states = [payload for name, payload in connection.messages if name == "state"]
        assert states[-1] == expected
        if pause:
            publisher(None)
    publisher(None)
    messages = connection.messages
    (discovery,) = [json.loads(payload) for name, payload in messages if name == "config"]
    states = [payload for name, payload in messages if name == "state"]
    assert set(states) <= set(discovery["options"])
    assert states[-1] == "quiet"
    assert states == changes(states)  # a state that stays is not repeated
    received = [payload for name, payload in messages if name == "event"]
    assert [json.loads(text)["event"] for text in received] == [
        each.kind for each in given_events if each.kind != "hold"
    ]
