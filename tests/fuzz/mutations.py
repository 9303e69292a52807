"""Hostile versions of good files: of any bytes, of JSON, and of model files with a corrected checksum."""

from __future__ import annotations

import json
import struct
from random import Random

from emotion_edge.model.file import CHECKSUM_NAME, checksum, metadata_places

NUMBERS = [0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 1023, 1024, 32767, 32768, 65535, 65536]
NUMBERS += [(1 << bits) + near for bits in (24, 30, 31, 32) for near in (-1, 0, 1)]
LAYOUTS = ("<H", "<I", "<Q", ">H", ">I", "<f", "<d")
FLOATS = (0.0, -1.0, 1e-38, 1e-45, 3e38, 1e300, float("nan"), float("inf"), float("-inf"))


def mutate_bytes(data: bytes, random: Random) -> bytes:
    """Change, delete, repeat or insert some bytes and overwrite numbers, often near the beginning."""
    mutated = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        at = random.randrange(min(len(mutated), random.choice((16, 64, 256, 1 << 30))) or 1)
        kind = random.randrange(6)
        if kind <= 1:
            mutated[at : at + 1] = bytes([random.randrange(256)])
        elif kind == 2:
            number = _packed(random)
            mutated[at : at + len(number)] = number
        elif kind == 3:
            del mutated[at : at + random.choice((1, 2, 4, 100, 1 << 30))]
        elif kind == 4:
            mutated[at:at] = mutated[at : at + random.choice((1, 4, 16, 100))] * random.choice((1, 2, 50))
        else:
            mutated[at:at] = random.randbytes(random.choice((1, 2, 4, 20)))
    return bytes(mutated)


def mutate_words(data: bytes, random: Random) -> bytes:
    """Overwrite numbers at positions where flatbuffers have theirs; the length stays the same."""
    if len(data) < 4:
        return mutate_bytes(data, random)
    mutated = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        if random.randrange(3):
            at, value = 4 * random.randrange(len(data) // 4), random.choice([*NUMBERS, random.randrange(len(data))])
            struct.pack_into("<I", mutated, at, value % (1 << 32))
        else:
            mutated[random.randrange(len(mutated))] = random.randrange(256)
    return bytes(mutated)


def mutate_json(data: bytes, random: Random) -> bytes:
    """Exchange, move, delete or repeat values at any depth; sometimes the result is not JSON."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return mutate_bytes(data, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        value = _mutated(value, random)
    text = json.dumps(value)
    if not random.randrange(20):
        name, item = random.choice(list(value.items())) if isinstance(value, dict) and value else ("format", 1)
        text = f"{text[:-1]}, {json.dumps(name)}: {json.dumps(item)}}}"
    encoded = text.encode("utf-8", "surrogatepass")
    return mutate_bytes(encoded, random) if not random.randrange(10) else encoded


def with_checksum(content: bytes) -> bytes:
    """Correct the checksum of a changed model file, as an attacker would."""
    place = metadata_places(content).get(CHECKSUM_NAME, slice(0, 0))
    if place.stop - place.start != 4:
        return content
    return content[: place.start] + checksum(content, place.start) + content[place.stop :]


def hostile_value(random: Random) -> object:
    """Choose a value that no field expects."""
    return random.choice(
        [
            None,
            True,
            -1,
            random.choice(NUMBERS),
            10 ** random.choice((3, 9, 30, 400, 4000)),
            random.choice(FLOATS),
            "",
            " ",
            "\x1b[2J",
            "\ud800",
            "a\nb",
            "x" * random.choice((1, 101, 100_000)),
            [],
            {},
            [0.5] * random.choice((1, 30, 5000)),
            ["a", "b"] * random.choice((1, 2000)),
            _nested(random.choice((1, 50, 900))),
        ]
    )


def _nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


def _packed(random: Random) -> bytes:
    layout = random.choice(LAYOUTS)
    if layout[1] in "fd":
        value = random.choice(FLOATS)
        return struct.pack(layout, value if layout == "<d" or value != 1e300 else 3e38)
    return struct.pack(layout, random.choice(NUMBERS) % (1 << 8 * struct.calcsize(layout)))


def _mutated(value: object, random: Random) -> object:
    if isinstance(value, dict) and value and random.randrange(8):
        name = random.choice(list(value))
        changed = dict(value)
        kind = random.randrange(8)
        if kind == 0:
            del changed[name]
        elif kind == 1:
            changed[name + "_"] = changed.pop(name)
        else:
            changed[name] = _mutated(value[name], random)
        return changed
    if isinstance(value, list) and value and random.randrange(4):
        at = random.randrange(len(value))
        return random.choice([value[:at], value + value, [*value[:at], _mutated(value[at], random), *value[at + 1 :]]])
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 and random.randrange(3):
        return random.choice([value + 1, value - 1, 2 * value, value / 2, -value, value * random.uniform(0, 3)])
    return hostile_value(random)
