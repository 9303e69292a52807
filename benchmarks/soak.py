"""Runs an hour of sound through the live loop, as fast as possible, and checks that memory does not grow.

    python benchmarks/soak.py [--minutes 60]

Prints the resident memory after each tenth of the time, and writes benchmarks/soak.json. The exit status is 1 if
memory grew by more than 4 MB after the first minute of sound.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from talk import talk

from emotion_edge import Listener
from emotion_edge.live.sources import SourceBlock

RATE = 44100
MOST_GROWTH_MB = 4.0  # slack of the heap, which stops growing after two hours


class Endless:
    """The same talk every minute, each time at another level, with faults of a microphone in between."""

    name, live, away, lost_s = "the talk", False, False, 0.0

    def __init__(self, minutes):
        self.minutes, self.memory = minutes, []
        self.minute = talk(60, RATE)
        self.buffer = np.empty_like(self.minute)  # reused, so that the benchmark does not measure its own memory

    def open(self):
        return RATE

    def blocks(self, stop):
        random = np.random.default_rng(0)
        for minute in range(self.minutes):
            samples = np.multiply(self.minute, np.float32(random.uniform(0.05, 1)), out=self.buffer)
            if minute % 7 == 3:
                samples[RATE : 2 * RATE] = np.nan
            if minute % 10 == 5:
                yield SourceBlock(samples[:0], RATE, 3.0, time.time())
            for at in range(0, len(samples), RATE // 10):
                yield SourceBlock(samples[at : at + RATE // 10], RATE, None, time.time())
            self.memory.append(resident_mb())

    def close(self):
        """Nothing to close."""


def resident_mb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=60)
    minutes = parser.parse_args().minutes
    source = Endless(minutes)
    began_at, cpu_before = time.monotonic(), time.process_time()
    n_events = {"enter": 0, "hold": 0, "leave": 0}
    with Listener(source=source) as listener:
        for event in listener:
            n_events[event.kind] += 1
    cpu_s = time.process_time() - cpu_before
    growth = max(source.memory[1:]) - source.memory[0]
    for minute in range(0, minutes, max(1, minutes // 10)):
        print(f"after {minute + 1:3} min of sound: {source.memory[minute]:.1f} MB")
    print(f"after {minutes:3} min of sound: {source.memory[-1]:.1f} MB; growth after the first minute {growth:+.1f} MB")
    print(f"{time.monotonic() - began_at:.0f} s, {cpu_s:.0f} s of CPU, events: {n_events}")
    result = {
        "minutes": minutes,
        "memory_mb": [round(value, 1) for value in source.memory],
        "growth_after_first_minute_mb": round(growth, 2),
        "cpu_s": round(cpu_s, 1),
        "events": n_events,
    }
    (Path(__file__).parent / "soak.json").write_text(json.dumps(result) + "\n")
    return 1 if growth > MOST_GROWTH_MB else 0


if __name__ == "__main__":
    sys.exit(main())
