"""The systemd units: systemd checks them, and the commands that they start run as real processes."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from typing import Any

import pytest
from mosquitto import Mosquitto, needs_mosquitto, retained
from places import ROOT

UNIT, WITH_MQTT = ROOT / "packaging" / "emotion-edge.service", ROOT / "packaging" / "mqtt.conf"
SOUND = ROOT / "examples" / "sounds" / "hello-slow.wav"
PROGRAM = "/opt/emotion-edge/bin/emotion-edge"


def settings(*files):
    """The values of each name in the section Service. A drop-in adds to the unit; an empty value clears the list."""
    found, section = {}, None
    for line in "\n".join(file.read_text() for file in files).splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[name] = [*found.get(name, []), value] if value else []
    return found


def started(service, state, **environment):
    """Run the command of the service on a file instead of the microphone; `state` is what systemd calls %S and %d."""
    environment = {**dict(each.split("=", 1) for each in service["Environment"]), **environment}
    environment = {name: value.replace("%S", str(state)) for name, value in environment.items()}
    (command,) = service["ExecStart"]
    for name, value in environment.items():
        command = command.replace(f"${{{name}}}", value)
    program, *arguments = shlex.split(command.replace("%d", str(state)))
    assert program == PROGRAM
    whole: list[Any] = [sys.executable, "-m", "emotion_edge", *arguments, "--input", SOUND]
    return subprocess.run(
        whole, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("with_mqtt", [False, True])
def test_systemd_accepts_the_unit(with_mqtt, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))
    if with_mqtt:
        dropin = tmp_path / f"{UNIT.name}.d" / WITH_MQTT.name
        dropin.parent.mkdir()
        dropin.write_text(WITH_MQTT.read_text().replace(PROGRAM, sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])


def test_the_service_prints_events_and_learns_the_voice_of_its_owner(tmp_path):
    done = started(settings(UNIT), tmp_path)
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["event"] for line in done.stdout.splitlines()} >= {"enter", "leave"}
    assert [each.name for each in (tmp_path / "emotion-edge").iterdir()] == ["owner.json"]


@needs_mosquitto
def test_the_service_publishes_to_a_broker(tmp_path):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "emotion-edge", "secret"], check=True)
    (tmp_path / "mqtt-password").write_text("secret\n")
    broker = Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}")
    service = settings(UNIT, WITH_MQTT)
    (address,) = [each.removeprefix("BROKER=") for each in service["Environment"] if each.startswith("BROKER=")]
    here = address.replace("broker.local", f"127.0.0.1:{broker.port}")
    assert here != address
    try:
        done = started(service, tmp_path, BROKER=here)
        assert done.returncode == 0, done.stderr
        now = retained(broker.port, username="emotion-edge", password="secret")
    finally:
        broker.stop()
    assert json.loads(now["emotion-edge/kitchen/attributes"]) == json.loads(done.stdout.splitlines()[-1])
