"""The queue of events between two threads."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from emotion_edge.live.event_queue import EventQueue


@pytest.fixture
def stop():
    return threading.Event()


def test_events_come_in_order_until_the_queue_is_closed(stop):
    events: Any = EventQueue(10, lossy=True, stop=stop)
    events.put("a")
    events.put("b")
    events.close()
    assert not events.drained
    assert [events.get(), events.get(), events.get()] == ["a", "b", None]
    assert events.drained


def test_get_returns_none_after_the_timeout(stop):
    assert EventQueue(10, lossy=True, stop=stop).get(0.01) is None


def test_a_full_lossy_queue_drops_the_oldest_events_and_logs_it(stop, caplog):
    events: Any = EventQueue(3, lossy=True, stop=stop)
    for number in range(10):
        events.put(number)
    assert [events.get(0) for _ in range(4)] == [7, 8, 9, None]
    assert [message.split(" lost")[0] for message in caplog.messages] == [
        "events are not read fast enough: 1",
        "events are not read fast enough: 3",
        "events are not read fast enough: 6",
    ]


def test_put_waits_for_room_in_a_queue_that_loses_nothing(stop):
    events: Any = EventQueue(2, lossy=False, stop=stop)
    writer = threading.Thread(target=lambda: [events.put(number) for number in range(50)] and events.close())
    writer.start()
    time.sleep(0.05)
    received = []
    while not events.drained:
        received.append(events.get())
    writer.join()
    assert [event for event in received if event is not None] == list(range(50))


def test_stop_ends_the_wait_for_room(stop):
    events: Any = EventQueue(1, lossy=False, stop=stop)
    events.put(0)
    writer = threading.Thread(target=events.put, args=(1,))
    writer.start()
    stop.set()
    writer.join(5)
    assert not writer.is_alive()
    assert events.get() == 1
