"""A real MQTT broker that a test starts, freezes and stops, and a subscriber that receives everything from it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest

PROGRAM = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="there is no mosquitto here: apt install mosquitto")


def free_port() -> int:
    """Return a port that no program listens on."""
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return int(some.getsockname()[1])


class Mosquitto:
    """A broker on this machine that saves nothing to the disk.

    Args:
        folder: the folder for its configuration and log.
        settings: more lines of its configuration; by default it needs no password.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        self.port = free_port()
        self.log = folder / "mosquitto.log"
        self._configuration = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "user root", *(settings or ("allow_anonymous true",))]
        self._configuration.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen([str(PROGRAM), "-v", "-c", self._configuration], stdout=log, stderr=log)
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                assert self._process.poll() is None, self.log.read_text()
                assert time.monotonic() < until, self.log.read_text()
                time.sleep(0.05)
            else:
                return

    def freeze(self) -> None:
        """Stop the process without ending it, so that it does nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the broker. It loses all its messages."""
        self.thaw()
        self._process.terminate()
        self._process.wait(20)


class Message(NamedTuple):
    topic: str
    payload: str
    retained: bool


class Subscriber:
    """Receives the retained messages of a broker, and then all that are published."""

    def __init__(self, port: int, **login: str) -> None:
        self.messages: list[Message] = []
        self._changed = threading.Condition()
        import paho.mqtt.client as paho  # here, because conftest.py imports this module for every test

        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if login:
            self._client.username_pw_set(**login)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._add(None)
        self._client.on_message = lambda client, userdata, message: self._add(
            Message(message.topic, message.payload.decode(), message.retain)
        )
        self._subscribed = False
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait(lambda: self._subscribed)

    def _add(self, message: Message | None) -> None:
        with self._changed:
            if message is None:
                self._subscribed = True
            else:
                self.messages.append(message)
            self._changed.notify_all()

    def wait(self, condition, timeout_s: float = 30) -> None:
        """Wait until a condition is true."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), self.messages

    def of(self, topic: str) -> list[str]:
        """Return the messages that a topic has received so far."""
        return [message.payload for message in self.messages if message.topic == topic]

    def publish(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def retained(port: int, **login: str) -> dict[str, str]:
    """Return the retained messages of a broker."""
    subscriber = Subscriber(port, **login)
    time.sleep(0.3)  # retained messages follow the confirmation of the subscription at once
    subscriber.close()
    return {message.topic: message.payload for message in subscriber.messages if message.retained}
