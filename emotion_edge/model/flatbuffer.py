"""Reading flatbuffers, the format of `.tflite` files, with every offset checked against the file.

A table is a list of numbered fields, each of which may be missing; the numbers are those of the TFLite schema.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

IDENTIFIER: Final = b"TFL3"
DAMAGED: Final = "the file is damaged or cut short: get it again"

Schema: TypeAlias = Mapping[str, Mapping[int, str]]
"""Of each kind of table what its fields hold: `I` and the like a scalar in the notation of the struct module, `*I` a
vector of those, `Tensor` a table of that kind, `*Tensor` a vector of those."""

# Bounds on what a hostile file can make us do: tables may be shared, so a small file can list millions of them.
_MOST_TABLES: Final = 1 << 14
_LONGEST_TEXT: Final = 64


class Table:
    """One table of a file.

    Args:
        content: the whole file.
        reference: where the offset to the table is written; 0 for the root table.

    Raises:
        ModelError: an offset leads out of the file; so do the methods.
    """

    __slots__ = ("_content", "_layout", "_n_fields", "_start")

    def __init__(self, content: bytes, reference: int = 0) -> None:
        self._content = content
        self._start = self._follow(reference)
        layout = self._start - self._unpack("<i", self._start)
        size = self._unpack("<H", layout)
        if size < 4 or size % 2 or layout % 2 or layout + size > len(content):
            raise ModelError(DAMAGED)
        self._layout, self._n_fields = layout + 4, size // 2 - 2

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
        if length > _MOST_TABLES:
            raise ModelError(DAMAGED)
        return [Table(self._content, start + 4 * number) for number in range(length)]

    def bytes_at(self, field: int) -> slice:
        """Where a vector of bytes, or a string, lies in the file."""
        start, length = self._vector(field, 1)
        return slice(start, start + length)

    def text(self, field: int) -> str:
        """A string; of a long one the beginning."""
        place = self.bytes_at(field)
        return self._content[place.start : min(place.stop, place.start + _LONGEST_TEXT)].decode("utf-8", "replace")

    def array(self, field: int, dtype: str) -> NDArray[Any]:
        """A vector of numbers, of a little-endian numpy dtype; it shares the file's memory."""
        start, length = self._vector(field, np.dtype(dtype).itemsize)
        return np.frombuffer(self._content, dtype, length, start) if length else np.zeros(0, dtype)

    def check(self, kind: str, schema: Schema) -> None:
        """Follow every offset that a schema knows, in this table and all below.

        Raises:
            ModelError: one leads out of the file, or there are more tables than any model of ours has.
        """
        waiting, n_tables = [(self, kind)], 0
        while waiting:
            table, kind = waiting.pop()
            for field, content in schema[kind].items():
                waiting += [(each, content.lstrip("*")) for each in table._checked(field, content, schema)]
            n_tables += 1
            if n_tables + len(waiting) > _MOST_TABLES:
                raise ModelError(DAMAGED)

    def check_scalars(self) -> None:
        """Check every field of a table of an unknown kind that holds nothing but scalars, of four bytes at most."""
        for field in range(self._n_fields):
            self.number(field, "I")

    def has(self, field: int) -> bool:
        """Whether the table has the field."""
        return self._place(field) is not None

    def _checked(self, field: int, content: str, schema: Schema) -> list[Table]:
        """The tables that a field leads to, which remain to be checked."""
        kind = content.lstrip("*")
        if kind not in schema:
            if content == kind:
                self.number(field, kind)
            else:
                self._vector(field, struct.calcsize(f"<{kind}"))
            return []
        if content == kind:
            table = self.table(field)
            return [] if table is None else [table]
        return self.tables(field)

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
        # Not on their alignment they could be read here, but not by an interpreter on every processor.
        if start + 4 + length * item_size > len(self._content) or (start + 4) % item_size:
            raise ModelError(DAMAGED)
        return start + 4, length

    def _follow(self, reference: int) -> int:
        start = int(reference + self._unpack("<I", reference))
        if start % 4:
            raise ModelError(DAMAGED)
        return start

    def _unpack(self, layout: str, at: int) -> Any:
        if not 0 <= at <= len(self._content) - struct.calcsize(layout):
            raise ModelError(DAMAGED)
        return struct.unpack_from(layout, self._content, at)[0]
