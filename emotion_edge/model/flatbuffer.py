"""Reads flatbuffers, the format of `.tflite` files, and checks that every offset is inside the file.

A table is a list of numbered fields, each of which may be missing. The numbers come from the TFLite schema.
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
"""For each kind of table, the types of its fields: `I` and similar are scalars in the notation of the struct module,
`*I` is a vector of them, `Tensor` is a table of that kind, `*Tensor` a vector of such tables."""

# Limits for hostile files: tables may be shared, so a small file can list millions of them.
_MOST_TABLES: Final = 1 << 14
_LONGEST_TEXT: Final = 64


class Table:
    """One table of a file.

    Args:
        content: the whole file.
        reference: the position of the offset to the table; 0 for the root table.

    Raises:
        ModelError: an offset points outside the file. The methods raise it too.
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
        """Read a scalar; `layout` is its type in the notation of the struct module."""
        place = self._place(field)
        return default if place is None else self._unpack(f"<{layout}", place)

    def table(self, field: int) -> Table | None:
        """Read a table inside this one; None if it is missing."""
        place = self._place(field)
        return None if place is None else Table(self._content, place)

    def tables(self, field: int) -> list[Table]:
        """Read a vector of tables."""
        start, length = self._vector(field, 4)
        if length > _MOST_TABLES:
            raise ModelError(DAMAGED)
        return [Table(self._content, start + 4 * number) for number in range(length)]

    def bytes_at(self, field: int) -> slice:
        """Return the position of a vector of bytes, or a string, in the file."""
        start, length = self._vector(field, 1)
        return slice(start, start + length)

    def text(self, field: int) -> str:
        """Read a string, or only the beginning of a long one."""
        place = self.bytes_at(field)
        return self._content[place.start : min(place.stop, place.start + _LONGEST_TEXT)].decode("utf-8", "replace")

    def array(self, field: int, dtype: str) -> NDArray[Any]:
        """Read a vector of numbers with a little-endian numpy dtype; it shares the memory of the file."""
        start, length = self._vector(field, np.dtype(dtype).itemsize)
        return np.frombuffer(self._content, dtype, length, start) if length else np.zeros(0, dtype)

    def check(self, kind: str, schema: Schema) -> None:
        """Follow every offset in the schema, in this table and all tables below it.

        Raises:
            ModelError: an offset points outside the file, or there are more tables than any of our models has.
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
        """Check every field of a table of unknown kind that contains only scalars of at most four bytes."""
        for field in range(self._n_fields):
            self.number(field, "I")

    def has(self, field: int) -> bool:
        """Whether the table has the field."""
        return self._place(field) is not None

    def _checked(self, field: int, content: str, schema: Schema) -> list[Table]:
        """The tables that a field points to, which are still unchecked."""
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
        """The position of a field; None if the table does not have it."""
        offset = self._unpack("<H", self._layout + 2 * field) if field < self._n_fields else 0
        return self._start + offset if offset else None

    def _vector(self, field: int, item_size: int) -> tuple[int, int]:
        """The start of the items of a vector, and their number; 0 if the field is missing."""
        place = self._place(field)
        if place is None:
            return 0, 0
        start = self._follow(place)
        length = self._unpack("<I", start)
        # Items that are not aligned could be read here, but not by an interpreter on every processor.
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
