"""Results files: rows are written as they are made, and a batch that was interrupted can be resumed.

The results file itself shows which files are finished. There is no second list that could disagree with it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Protocol

from ..errors import ResultsError
from ..speech.windows import Windows
from .appended_file import AppendedFile
from .classify import FileResult

_ROUNDING_S: Final = 0.002  # times are written with three decimals

_COLUMNS: Final = {
    "path": str,
    "status": str,
    "label": str,
    "confidence": float,
    "start_s": float,
    "end_s": float,
    "model": str,
    "error": str,
}


def columns(labels: Sequence[str]) -> dict[str, type]:
    """Return the columns of a table of results with their types, `str` or `float`.

    They are the fields of a `FileResult` and its prediction, and a probability for each label.
    """
    return {**_COLUMNS, **{_column(label): float for label in labels}}


def row(result: Mapping[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    """Return a result as a row of such a table; cells without a value are None.

    Args:
        result: from `FileResult.to_dict`.
        labels: the labels of the model.
    """
    probabilities = result.get("probabilities", {})
    cells = {
        **{name: result.get(name) for name in _COLUMNS},
        **{_column(label): probabilities.get(label) for label in labels},
    }
    return {name: readable(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}


def _column(label: str) -> str:
    return f"probability_{label}"


def readable(text: str) -> str:
    r"""Return a path as valid text: bytes that are not UTF-8, which a file name may contain, become `\xff`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


class Row(NamedTuple):
    """A row that was read from a results file.

    Attributes:
        path: the path as it was written.
        model: the name of the model; None for an error.
        start_s, end_s: the window, in seconds from the start of the recording; None for an error.
        end: where the row ends in the file, in bytes.
    """

    path: str
    model: str | None
    start_s: float | None
    end_s: float | None
    end: int


class Format(Protocol):
    """A file format: how rows are written and read."""

    @property
    def key(self) -> Callable[[str], str]:
        """A function that returns a path as it will be read from the file."""
        ...

    def header(self) -> bytes:
        """Return what is written at the start of a new file."""
        ...

    def prefix(self) -> bytes:
        """Return what every file of this format starts with, even if it has no whole row."""
        ...

    def encode(self, result: FileResult) -> bytes:
        """Return a result as one row."""
        ...

    def rows(self, file: IO[bytes]) -> Iterator[Row]:
        """Yield the rows of a file, except for a last row that was cut short.

        Raises:
            ResultsError: a line is not a row.
        """
        ...


class JsonLines:
    """One JSON object per line, as `emotion-edge classify --json` prints them.

    Args:
        key: a function that returns a path in the form in which paths are compared.
    """

    def __init__(self, key: Callable[[str], str] = str) -> None:
        self.key: Final = key

    def header(self) -> bytes:
        return b""

    def prefix(self) -> bytes:
        return b'{"path": "'

    def encode(self, result: FileResult) -> bytes:
        return json.dumps(result.to_dict()).encode() + b"\n"

    def rows(self, file: IO[bytes]) -> Iterator[Row]:
        end = 0
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            end += len(line)
            try:
                entry = json.loads(line)
                path, model = str(entry["path"]), entry.get("model")
                start_s, end_s = (None if model is None else float(entry[name]) for name in ("start_s", "end_s"))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                raise ResultsError(f"line {number} is not a result") from error
            yield Row(path, model, start_s, end_s, end)


class Csv:
    """Comma-separated values with a header line (RFC 4180, UTF-8).

    Args:
        labels: the labels of the model.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels: Final = labels
        self._names: Final = list(columns(labels))
        self.key: Final = readable

    def header(self) -> bytes:
        return _line(self._names)

    def prefix(self) -> bytes:
        return self.header()

    def encode(self, result: FileResult) -> bytes:
        return _line(list(row(result.to_dict(), self._labels).values()))

    def rows(self, file: IO[bytes]) -> Iterator[Row]:
        for number, (cells, end) in enumerate(_records(file)):
            if number == 0 and cells != self._names:
                raise ResultsError(f"its columns are {', '.join(cells)}, wanted {', '.join(self._names)}")
            if len(cells) != len(self._names):
                raise ResultsError(f"record {number} is not a result")
            if number:
                yield self._row(dict(zip(self._names, cells, strict=True)), number, end)

    def _row(self, cells: Mapping[str, str], number: int, end: int) -> Row:
        if not cells["model"]:
            return Row(cells["path"], None, None, None, end)
        try:
            return Row(cells["path"], cells["model"], float(cells["start_s"]), float(cells["end_s"]), end)
        except ValueError as error:
            raise ResultsError(f"record {number} is not a result") from error


def _records(file: IO[bytes]) -> Iterator[tuple[list[str], int]]:
    """Yield the records of a CSV file and where each ends in bytes, except for a last one that was cut short."""
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except (csv.Error, UnicodeDecodeError) as error:
            if lines.over:  # the last record was cut short
                return
            raise ResultsError(f"line {reader.line_num} is not a result: {error}") from error
        if cells is None or not lines.whole:
            return
        yield cells, lines.end


class _Lines:
    """Iterates over the lines of a file.

    Attributes:
        end: how many bytes have been read.
        whole: whether the last line that was read is complete.
        over: whether there are no more lines.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file: Final = file
        self.end = 0
        self.whole = True
        self.over = False

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.end += len(line)
            self.whole = line.endswith(b"\n")
            self.over = not self.whole
            yield line.decode()
        self.over = True


def _line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


class FinishedFiles:
    """The set of files that have a result. It takes 16 bytes per file, however long the paths are.

    Args:
        key: a function that returns a path as it will be read from the results file.
    """

    def __init__(self, key: Callable[[str], str]) -> None:
        self._key: Final = key
        self._digests: Final[set[bytes]] = set()
        self._failed: Final[set[bytes]] = set()

    def add(self, path: str, *, failed: bool = False) -> None:
        """Add a file that has a result or will get one.

        Args:
            path: the path of the file.
            failed: whether its result is an error.
        """
        digest = self._digest(path)
        self._digests.add(digest)
        if failed:
            self._failed.add(digest)

    def update(self, other: FinishedFiles) -> None:
        """Add all files of another set."""
        self._digests.update(other._digests)
        self._failed.update(other._failed)

    def failed(self, path: str) -> bool:
        """Return whether the file has an error as its result."""
        return self._digest(path) in self._failed

    def __contains__(self, path: str) -> bool:
        return self._digest(path) in self._digests

    def __len__(self) -> int:
        return len(self._digests)

    def _digest(self, path: str) -> bytes:
        from hashlib import blake2b  # imported here because it loads OpenSSL, five megabytes

        return blake2b(self._key(path).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Results:
    """A results file that is open for writing.

    Args:
        path: the path of the results file.
        form: its format.
        model: the name of the model.
        resume: True continues an existing file or creates a new one, False only creates a new one.
        windows: the length and step of the windows if each file has one row per window; None if each file has one row.
            With windows it is unknown whether the last file has all of its rows, so they are removed.

    Attributes:
        done: the files that have a result. The caller adds each file that it starts to classify.

    Raises:
        ResultsError: the file already exists and `resume` is False; or it has another format, model or windows; or it
            cannot be read or written.
    """

    def __init__(self, path: Path, form: Format, *, model: str, resume: bool, windows: Windows | None = None) -> None:
        self.done: Final = FinishedFiles(form.key)
        self._form: Final = form
        self._file: Final = AppendedFile(path, resume=resume)
        try:
            end = self._recover(path, model, windows)
            self._file.truncate(end)
            if not end:
                self._file.append(form.header())
        except BaseException:
            self._file.close()
            raise

    @property
    def file(self) -> Path:
        """The file that the rows are written to."""
        return self._file.path

    def write(self, result: FileResult) -> None:
        """Write a result as one row.

        Raises:
            ResultsError: the file cannot be written, for example because the disk is full. The rows before it stay.
        """
        self._file.append(self._form.encode(result))

    def finish(self) -> None:
        """Complete the file after the last result.

        Raises:
            ResultsError: the file cannot be written.
        """
        self._file.sync()

    def close(self) -> None:
        """Close the file, finished or not."""
        self._file.close()

    def _recover(self, path: Path, model: str, windows: Windows | None) -> int:
        """Read the file, add its finished files to `done` and return how many bytes of it to keep."""
        latest: str | None = None
        failed = False  # whether the latest file has a row that is an error
        began = end = 0  # where the rows of the latest file begin and end
        try:
            with path.open("rb") as file:
                checked = checked_rows(self._form.rows(file), model, windows)
                for name, rows in groupby(checked, key=lambda each: each.path):
                    if latest is not None:
                        self.done.add(latest, failed=failed)
                    latest, began, failed = name, end, False
                    for each in rows:
                        failed |= each.model is None
                        end = each.end
                file.seek(0)
                if latest is None and not self._form.prefix().startswith(file.read(len(self._form.prefix()))):
                    raise ResultsError("it is not a results file")
        except ResultsError as error:
            raise ResultsError(f"{path} cannot be resumed: {error}") from error
        except OSError as error:
            raise ResultsError(f"{path} cannot be read: {error.strerror or error}") from error
        if latest is None or windows is not None:
            return began
        self.done.add(latest, failed=failed)
        return end


def checked_rows(rows: Iterable[Row], model: str, windows: Windows | None) -> Iterator[Row]:
    """Yield the same rows after checking that this batch would make them. The rows of a file must come together.

    Raises:
        ResultsError: a row is from another model, or is about the whole file instead of windows, or the other way
            round, or about other windows.
    """
    for _, of_file in groupby(rows, key=lambda each: each.path):
        before_s = None
        for number, each in enumerate(of_file):
            if each.model is not None:
                if each.model != model:
                    raise ResultsError(f"it has results of the model {each.model}, but you use {model}")
                if not _matches(each, number, before_s, windows):
                    raise ResultsError(_mismatch(each, windows))
            yield each
            before_s = each.start_s


def _mismatch(row: Row, windows: Windows | None) -> str:
    wanted = "whole files" if windows is None else f"windows of {windows.window_s:g} s, one every {windows.step_s:g} s"
    return (
        f"it has a result for {row.start_s:g} to {row.end_s:g} s of {row.path}, but you asked for {wanted}: "
        "use the same --timeline, --window and --step as before, or choose another name"
    )


def _matches(row: Row, number: int, before_s: float | None, windows: Windows | None) -> bool:
    """Return whether a row is about the whole file, or about the window that comes next.

    Args:
        row: a row with a prediction.
        number: how many rows the file has before this one.
        before_s: where the window of the row before it begins, in seconds.
        windows: the windows of this batch; None for whole files.
    """
    assert row.start_s is not None
    assert row.end_s is not None
    whole, length_s = number == 0 and row.start_s == 0, row.end_s - row.start_s
    if windows is None:
        return whole
    if whole:
        return length_s < windows.window_s + _ROUNDING_S
    # Windows begin one step apart, except for the last one, which ends where the file ends.
    regular = before_s is not None and abs(before_s - (number - 1) * windows.step_s) < _ROUNDING_S
    in_turn = regular and (number - 1) * windows.step_s < row.start_s < number * windows.step_s + _ROUNDING_S
    return in_turn and abs(length_s - windows.window_s) < _ROUNDING_S
