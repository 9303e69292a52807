"""Reading flatbuffers, the format of `.tflite` files, with every offset checked against the file.

A table is a list of numbered fields, each of which may be missing; the numbers are those of the TFLite schema.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .errors import ModelError

IDENTIFIER: Final = b"TFL3"
DAMAGED: Final = "the file is damaged or cut short: get it again"


class Table:
    """One table of a file.

    Args:
        content: the whole file.
        reference: where the offset to the table is written; 0 for the root table.

    Raises:
        ModelError: an offset leads out of the file; so do the methods.
    """

    def __init__(self, content: bytes, reference: int = 0) -> None:
        self._content = content
        self._start = self._follow(reference)
        layout = self._start - self._unpack("<i", self._start)
        size = self._unpack("<H", layout)
        self._layout, self._n_fields = layout + 4, max(0, size // 2 - 2)

    def number(self, field: int, layout: str, default: Any = 0) -> Any:
        """A scalar, in the notation of the struct module."""
        place = self._place(field)
        return default if place is None else self._unpack(f"<{layout}", place)

    def table(self, field: int) -> Table | None:
        """A table within this one."""
        place = self._place(field)
        return None if place is None else Table(self._content, place)

    def tables(self, field: int) -> list[Table]:
        """A vector of tables."""
        start, length = self._vector(field, 4)
        return [Table(self._content, start + 4 * number) for number in range(length)]

    def bytes_at(self, field: int) -> slice:
        """Where a vector of bytes, or a string, lies in the file."""
        start, length = self._vector(field, 1)
        return slice(start, start + length)

    def text(self, field: int) -> str:
        """A string."""
        return self._content[self.bytes_at(field)].decode("utf-8", "replace")

    def array(self, field: int, dtype: str) -> NDArray[Any]:
        """A vector of numbers, of a little-endian numpy dtype."""
        start, length = self._vector(field, np.dtype(dtype).itemsize)
        return np.frombuffer(self._content, dtype, length, start) if length else np.zeros(0, dtype)

    def _place(self, field: int) -> int | None:
        """Where a field is written, if the table has it."""
        offset = self._unpack("<H", self._layout + 2 * field) if field < self._n_fields else 0
        return self._start + offset if offset else None

    def _vector(self, field: int, item_size: int) -> tuple[int, int]:
        """Where the items of a vector begin, and how many there are; none where the field is missing."""
        place = self._place(field)
        if place is None:
            return 0, 0
        start = self._follow(place)
        length = self._unpack("<I", start)
        if start + 4 + length * item_size > len(self._content):
            raise ModelError(DAMAGED)
        return start + 4, length

    def _follow(self, reference: int) -> int:
        return int(reference + self._unpack("<I", reference))

    def _unpack(self, layout: str, at: int) -> Any:
        if not 0 <= at <= len(self._content) - struct.calcsize(layout):
            raise ModelError(DAMAGED)
        return struct.unpack_from(layout, self._content, at)[0]
