"""Events between two threads."""

from __future__ import annotations

import threading
import time

import pytest

from emotion_edge.live.event_queue import EventQueue


@pytest.fixture
def stop():
    return threading.Event()


def test_in_order_until_it_is_closed(stop):
    box = EventQueue(10, lossy=True, stop=stop)
    box.put("a")
    box.put("b")
    box.close()
    assert not box.drained
    assert [box.get(), box.get(), box.get()] == ["a", "b", None]
    assert box.drained


def test_nothing_in_time(stop):
    assert EventQueue(10, lossy=True, stop=stop).get(0.01) is None


def test_live_events_push_out_the_oldest_and_that_is_told(stop, caplog):
    box = EventQueue(3, lossy=True, stop=stop)
    for number in range(10):
        box.put(number)
    assert [box.get(0) for _ in range(4)] == [7, 8, 9, None]
    assert [message.split(" lost")[0] for message in caplog.messages] == [
        "nobody takes the events: 1",
        "nobody takes the events: 3",
        "nobody takes the events: 6",
    ]


def test_events_of_a_file_wait(stop):
    box = EventQueue(2, lossy=False, stop=stop)
    writer = threading.Thread(target=lambda: [box.put(number) for number in range(50)] and box.close())
    writer.start()
    time.sleep(0.05)
    taken = []
    while not box.drained:
        taken.append(box.get())
    writer.join()
    assert [event for event in taken if event is not None] == list(range(50))


def test_whoever_waits_is_let_go_by_a_stop(stop):
    box = EventQueue(1, lossy=False, stop=stop)
    box.put(0)
    writer = threading.Thread(target=box.put, args=(1,))
    writer.start()
    stop.set()
    writer.join(5)
    assert not writer.is_alive()
    assert box.get() == 1
