"""The addresses of brokers."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_edge.errors import MqttError
from emotion_edge.mqtt.broker import Broker


def test_the_parts_of_an_address():
    broker = Broker.parse("mqtt://anna%40home@broker.local:1884/home/living%20room/")
    assert (broker.host, broker.port, broker.user) == ("broker.local", 1884, "anna@home")
    assert (broker.topic, broker.tls, broker.password) == ("home/living room", False, None)
    assert str(broker) == "mqtt://broker.local:1884"


def test_the_defaults_of_an_address(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "pi in the kitchen.local")
    broker = Broker.parse("mqtts://[::1]")
    assert (broker.host, broker.port, broker.tls, broker.user) == ("::1", 8883, True, None)
    assert broker.topic == "emotion-edge/pi-in-the-kitchen"
    assert str(broker) == "mqtts://[::1]:8883"


@pytest.mark.parametrize(
    "address", ["mqtt://anna:secret@host", "mqtt://anna:@host", "mqtts://anna:secret@host:1/topic"]
)
def test_a_password_is_refused_and_not_repeated(address):
    with pytest.raises(MqttError, match="--mqtt-password FILE") as caught:
        Broker.parse(address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("broker.local", "got no mqtt:// at the start"),
        ("http://broker.local", "got http:// at the start"),
        ("mqtt://", "wanted mqtt://"),
        ("mqtt://host:secret", "is not valid"),
        ("mqtt://anna:sec/ret@host", "is not valid"),
        ("mqtt://host:99999", "is not valid"),
        ("mqtt://host:0", "got 0, wanted 1 to 65535"),
        ("mqtt://[::1", "is not valid"),
        ("mqtt://" + "a" * 70, "is not a valid host name"),
        ("mqtt://host/home/#", "followed by ? or #"),
        ("mqtt://host/home?x=1", "followed by ? or #"),
        ("mqtt://host/home/%2B/kitchen", "without + # ? and $"),
        ("mqtt://host/$SYS/kitchen", "without + # ? and $"),
        ("mqtt://host/home//kitchen", "single slashes"),
        ("mqtt://host/home%00", "single slashes"),
        ("mqtt://host/" + "a" * 300, "up to 200 characters"),
    ],
)
def test_addresses_that_are_not_valid(address, message):
    with pytest.raises(MqttError) as caught:
        Broker.parse(address)
    assert message in str(caught.value)
    assert "sec" not in str(caught.value)


def test_settings_that_contradict_each_other(tmp_path):
    with pytest.raises(MqttError, match="no user"):
        Broker(host="host", port=1883, topic="home", password="secret")
    with pytest.raises(MqttError, match="only be used with mqtts://"):
        Broker(host="host", port=1883, topic="home", ca_file=tmp_path)


def test_files_without_a_certificate(tmp_path):
    path = tmp_path / "ca.pem"
    with pytest.raises(MqttError, match=r"ca\.pem: No such file"):
        _ = Broker(host="host", port=8883, topic="home", tls=True, ca_file=path).tls_context
    path.write_text("no certificate")
    with pytest.raises(MqttError, match=r"ca\.pem has no certificate"):
        _ = Broker(host="host", port=8883, topic="home", tls=True, ca_file=path).tls_context


def test_no_password_is_shown():
    assert "secret" not in repr(Broker(host="host", port=1883, topic="home", user="anna", password="secret"))


levels = st.text(st.characters(exclude_characters="+#/$", exclude_categories=("C", "Z")), min_size=1, max_size=20)
topics = st.lists(levels, min_size=1, max_size=4).map("/".join)


@given(topics)
def test_every_topic_survives_its_address(topic):
    assert Broker.parse(f"mqtt://host/{quote(topic)}").topic == topic


@given(st.lists(topics, min_size=2, max_size=2, unique=True))
def test_every_topic_has_its_identity_which_every_broker_accepts(pair):
    one, same, other = (
        Broker(host=host, port=1, topic=topic) for host, topic in zip("aba", [pair[0], *pair], strict=True)
    )
    assert one.identity == same.identity != other.identity
    assert len(one.identity) <= 23  # the length that every MQTT 3.1.1 broker must accept
    assert set(one.identity) <= set(string.ascii_letters + string.digits + "_-")  # required by Home Assistant
