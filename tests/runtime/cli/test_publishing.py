"""`emotion-edge listen --mqtt` as a real process, with a real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import trustme
from mosquitto import Mosquitto, Subscriber, free_port, needs_mosquitto, retained
from places import EXAMPLES

from emotion_edge.cli.main import main

SOUND = EXAMPLES / "sounds" / "hello-slow.wav"
SURE = ["--model", "tess-mlp"]  # it is sure about the synthetic voice
RATE = 16000


def command(*arguments):
    return [sys.executable, "-m", "emotion_edge", "listen", *SURE, *map(str, arguments)]


def run(*arguments, **options):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture
def listening():
    """A function that starts listening to endless silence."""
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            command("--input", "-", "--rate", RATE, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        process.stdin.buffer.write(bytes(2 * RATE))
        process.stdin.flush()
        return process

    yield start
    for process in running:
        process.kill()
        with process:  # which closes the pipes
            pass


@needs_mosquitto
def test_what_is_printed_is_published(broker):
    subscriber = Subscriber(broker.port)
    done = run("--input", SOUND, "--json", "--mqtt", f"mqtt://127.0.0.1:{broker.port}/home/kitchen")
    assert (done.returncode, done.stderr) == (0, f"publishing to mqtt://127.0.0.1:{broker.port} under home/kitchen\n")
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    subscriber.wait(lambda: "offline" in subscriber.of("home/kitchen/availability"))
    published = [json.loads(text) for text in subscriber.of("home/kitchen/event")]
    assert published == [event for event in printed if event["event"] != "hold"] != []
    assert json.loads(subscriber.of("home/kitchen/attributes")[-1]) == printed[-1]
    (config,) = [json.loads(each.payload) for each in subscriber.messages if each.topic.endswith("/config")]
    assert {*subscriber.of("home/kitchen/state")} <= {*config["options"]}
    subscriber.close()
    now = retained(broker.port)
    assert (now["home/kitchen/availability"], now["home/kitchen/state"]) == ("offline", "quiet")


@needs_mosquitto
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_is_offline_however_it_ended(broker, listening, number):
    subscriber = Subscriber(broker.port)
    process = listening("--mqtt", f"mqtt://127.0.0.1:{broker.port}/home/kitchen")
    subscriber.wait(lambda: subscriber.of("home/kitchen/availability") == ["online"])
    process.send_signal(number)
    subscriber.wait(lambda: subscriber.of("home/kitchen/availability") == ["online", "offline"])
    assert process.wait(20) == (-number if number == signal.SIGKILL else 0)
    subscriber.close()
    assert retained(broker.port)["home/kitchen/availability"] == "offline"


@needs_mosquitto
@pytest.mark.slow
def test_a_broker_that_starts_later(broker, listening):
    broker.stop()
    process = listening("--mqtt", f"mqtt://127.0.0.1:{broker.port}/home/kitchen")
    assert process.stderr.readline().startswith("publishing to mqtt://")
    assert process.stderr.readline() == "listening to the pipe\n"
    assert "cannot be reached: Connection refused; listening continues" in process.stderr.readline()
    broker.start()
    subscriber = Subscriber(broker.port)
    subscriber.wait(lambda: subscriber.of("home/kitchen/state") == ["quiet"])
    assert "is back after" in process.stderr.readline()
    subscriber.close()
    process.terminate()
    assert process.wait(20) == 0


@pytest.mark.slow
def test_no_broker_at_all():
    done = run("--input", SOUND, "--mqtt", f"mqtt://127.0.0.1:{free_port()}")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()][-1] == "leave"
    lines = done.stderr.splitlines()
    assert len([line for line in lines if "cannot be reached: Connection refused" in line]) == 1
    n_events = len(done.stdout.splitlines())
    assert lines[-1].endswith(f"never confirmed the last {n_events} events")


@needs_mosquitto
def test_passwords_from_a_file_and_from_the_environment(tmp_path):
    passwords, password = tmp_path / "passwords", tmp_path / "password"
    passwords.write_text("anna:äh, geheim\n")
    password.write_text("äh, geheim\n")
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
    broker = Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}")
    address = f"mqtt://anna@127.0.0.1:{broker.port}"
    try:
        for way, variable in ((["--mqtt-password", password], "wrong"), ([], "äh, geheim")):
            environment = {**os.environ, "EMOTION_EDGE_MQTT_PASSWORD": variable}  # the file has precedence
            topic = f"home/{variable[0]}"
            done = run("--input", SOUND, "--mqtt", f"{address}/{topic}", *way, env=environment)
            assert done.returncode == 0, done.stderr
            assert retained(broker.port, username="anna", password="äh, geheim")[f"{topic}/availability"] == "offline"
        done = run("--input", SOUND, "--mqtt", address, env={**os.environ, "EMOTION_EDGE_MQTT_PASSWORD": "wrong"})
        assert (done.returncode, bool(done.stdout)) == (0, True)
        assert "refuses the connection: Not authorized (check the user and the password" in done.stderr
    finally:
        broker.stop()


@needs_mosquitto
def test_tls(tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    files = f"certfile {tmp_path / 'certificate.pem'}", f"keyfile {tmp_path / 'key.pem'}"
    broker = Mosquitto(tmp_path, "allow_anonymous true", *files)
    address = f"mqtts://localhost:{broker.port}/home/kitchen"
    try:
        done = run("--input", SOUND, "--mqtt", address, "--mqtt-ca", tmp_path / "ca.pem")
        assert done.returncode == 0
        assert "never confirmed" not in done.stderr
        assert "home/kitchen/event" in broker.log.read_text()
        done = run("--input", SOUND, "--mqtt", address)
        assert "cannot be reached: unable to get local issuer certificate" in done.stderr
    finally:
        broker.stop()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--mqtt", "mqtt://anna:secret@host"], 2, "a password on the command line: leave it out of the address"),
        (["--mqtt", "broker.local"], 2, "wanted mqtt://[USER@]HOST[:PORT][/TOPIC]"),
        (["--mqtt-ca", "ca.pem"], 2, "--mqtt-password and --mqtt-ca need --mqtt"),
        (["--mqtt", "mqtt://host", "--mqtt-ca", "ca.pem"], 1, "can only be used with mqtts://"),
        (["--mqtt", "mqtts://host", "--mqtt-ca", "missing.pem"], 1, "missing.pem: No such file"),
        (["--mqtt", "mqtt://anna@host", "--mqtt-password", "missing"], 1, "missing: No such file"),
        (["--mqtt", "mqtt://anna@host", "--mqtt-password", "empty"], 1, "empty: wanted one line of text"),
        (["--mqtt", "mqtt://anna@host", "--mqtt-password", "."], 1, ".: Is a directory"),
        (["--mqtt", "mqtt://host", "--mqtt-password", "password"], 1, "but no user"),
    ],
)
def test_mistakes(arguments, status, message, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "password").write_text("secret")
    done = run("--input", SOUND, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    assert main(["listen", "--input", str(SOUND), "--mqtt", "mqtt://127.0.0.1"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == 'emotion-edge: MQTT needs the package paho-mqtt: pip install "emotion-edge[mqtt]"\n'


def test_with_an_extra_that_is_too_old(monkeypatch, capsys):
    monkeypatch.delattr("paho.mqtt.client.CallbackAPIVersion")  # new in 2.0
    assert main(["listen", "--input", str(SOUND), "--mqtt", "mqtt://127.0.0.1"]) == 1
    assert "MQTT needs paho-mqtt 2 or later: pip install" in capsys.readouterr().err


def test_without_mqtt_nothing_of_it_is_loaded():
    code = "import sys, emotion_edge.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"paho", "emotion_edge.mqtt.publisher", "emotion_edge.mqtt.broker"} & {*done.stdout.split()}
