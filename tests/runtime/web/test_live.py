"""The live socket: the same events as the stream for any size of message, and all ways in which it can end."""

from __future__ import annotations

import json

import numpy as np
import pytest
from servers import serving
from sounds import spoken, voice
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from emotion_edge import EmotionStream

RATE = 16000


def talk(rate=RATE):
    quiet = np.zeros(round(1.5 * rate), np.float32)
    sound = np.concatenate([quiet, spoken(1, rate=rate), quiet, spoken(2, rate=rate), quiet])
    return (sound * 32767).astype("<i2")


def expected(samples, rate, model="five-emotions"):
    stream = EmotionStream(rate, model)
    return [without_time(event.to_dict()) for event in [*stream.process(samples), *stream.finish()]]


def without_time(event):
    return {name: value for name, value in event.items() if name not in ("time", "type")}


def messages_of(url, samples, chunk):
    """All messages of the server, after the sound and `end`."""
    with connect(url) as live:
        for at in range(0, len(samples), chunk):
            live.send(samples[at : at + chunk].tobytes())
        live.send("end")
        messages = [json.loads(message) for message in live]  # until it closes
        assert live.close_code == 1000
    return messages


def until_closed(live):
    """Its last messages, and the code with which it closes."""
    messages = []
    try:
        while True:
            messages.append(json.loads(live.recv(timeout=20)))
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code


@pytest.mark.parametrize(("rate", "chunk"), [(16000, 1600), (16000, 500_000), (48000, 4864), (8000, 37), (44100, 4410)])
def test_the_events_of_the_stream(server, rate, chunk):
    samples = talk(rate)
    messages = messages_of(server.live_url(f"rate={rate}"), samples, chunk)
    events = [without_time(message) for message in messages if message["type"] == "event"]
    assert len(events) >= 4
    for event, wanted in zip(events, expected(samples, rate), strict=True):
        assert event.pop("probabilities") == pytest.approx(wanted.pop("probabilities"), abs=1e-4)
        assert event.pop("confidence") == pytest.approx(wanted.pop("confidence"), abs=1e-4)
        assert event == wanted


def test_another_model(server):
    samples = talk()
    messages = messages_of(server.live_url("rate=16000&model=tess-mlp"), samples, 3200)
    labels = [message["label"] for message in messages if message["type"] == "event"]
    assert labels == [event["label"] for event in expected(samples, RATE, "tess-mlp")]
    assert {message["model"] for message in messages if message["type"] == "event"} == {"tess-mlp"}


def test_the_status_for_a_display(server):
    samples = talk()
    statuses = [message for message in messages_of(server.live_url(), samples, 1600) if message["type"] == "status"]
    times_s = [status["heard_s"] for status in statuses]
    assert np.diff(times_s) == pytest.approx(np.full(len(times_s) - 1, 0.1), abs=1e-5)
    assert times_s[-1] == pytest.approx(len(samples) / RATE, abs=0.1)
    assert statuses[5]["level_dbfs"] == -120
    assert not statuses[5]["sound"]
    speaking = [status for status in statuses if status["sound"]]
    assert max(status["level_dbfs"] for status in speaking) > -30
    assert any(status["verdict"] is not None for status in speaking)
    assert all(
        set(status["probabilities"]) in (set(), {"angry", "fear", "happy", "neutral", "sad"}) for status in statuses
    )


def test_no_speech(server):
    noise = (voice(3, rate=RATE, seconds=3) * 100).astype("<i2")  # -50 dB
    assert not [
        message
        for message in messages_of(server.live_url(), np.zeros(3 * RATE, "<i2"), 1600)
        if message["type"] == "event"
    ]
    assert len(messages_of(server.live_url(), noise, 1600)) > 20


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("", 400, "rate: got '', wanted the sample rate in Hz"),
        ("rate=fast", 400, "rate: got 'fast'"),
        ("rate=-16000", 400, "rate: got '-16000'"),
        ("rate=10", 400, "wanted 1000 to 1000000 Hz"),
        ("rate=9999999", 400, "wanted 1000 to 1000000 Hz"),
        ("rate=" + "9" * 5000, 400, "wanted the sample rate"),
        ("rate=16000&model=nix", 404, "unknown model 'nix'"),
    ],
)
def test_wrong_queries(server, query, status, sentence):
    with pytest.raises(InvalidStatus) as refused, connect(server.live_url(query)):
        pass
    assert refused.value.response.status_code == status
    assert sentence in json.loads(refused.value.response.body)["error"]


@pytest.mark.parametrize("message", ["start", "{}", b"odd", b"\x00" * 1601])
def test_messages_that_are_not_samples(server, message):
    with connect(server.live_url()) as live:
        live.send(message)
        messages, code = until_closed(live)
    assert messages[-1]["type"] == "error"
    assert "wanted 16-bit samples in binary messages, or the text 'end'" in messages[-1]["error"]
    assert code == 1003


def test_messages_that_are_too_long(server):
    with connect(server.live_url(), max_size=None) as live:
        live.send(bytes((1 << 20) + 2))
        assert until_closed(live)[1] == 1009


def test_empty_messages_and_sudden_ends_do_no_harm(server):
    with connect(server.live_url()) as live:
        live.send(b"")
        live.send(talk()[:8000].tobytes())
        assert json.loads(live.recv())["type"] == "status"
        live.socket.close()
    with connect(server.live_url()):
        pass
    assert messages_of(server.live_url(), talk()[:8000], 800)


def test_silent_clients_are_disconnected_and_too_many_are_refused():
    with serving("--timeout", 0.4, "--at-once", 1) as server:
        with connect(server.live_url()) as live:
            with pytest.raises(InvalidStatus) as refused, connect(server.live_url()):
                pass
            assert refused.value.response.status_code == 503
            assert refused.value.response.headers["retry-after"]
            messages, code = until_closed(live)
        assert (code, messages) == (1008, [{"type": "error", "error": "no message for 0.4 s"}])
        with connect(server.live_url()):
            pass


def test_two_at_a_time_do_not_disturb_each_other(server):
    samples = talk()
    with connect(server.live_url()) as one, connect(server.live_url()) as other:
        for at in range(0, len(samples), 1600):
            one.send(samples[at : at + 1600].tobytes())
            other.send(bytes(3200))
        for live in (one, other):
            live.send("end")
        both = [[json.loads(message) for message in live] for live in (one, other)]
    events = [[without_time(message) for message in messages if message["type"] == "event"] for messages in both]
    assert [event["label"] for event in events[0]] == [event["label"] for event in expected(samples, RATE)]
    assert events[1] == []
