"""Results on the disk: rows that are written as they come, and gone on with after whatever happened.

The file itself is the list of what is done: there is no second one that could disagree with it.
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
    """The columns of a table of results, `str` or `float`: what a `FileResult` says, and a probability for each label."""
    return {**_COLUMNS, **{_column(label): float for label in labels}}


def row(result: Mapping[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    """A row of such a table; None where there is nothing to say.

    Args:
        result: as `FileResult.to_dict` gives it.
        labels: the model's.
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
    r"""A path as any program can read it: bytes that are no UTF-8, which a name may hold, become `\xff`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


class Row(NamedTuple):
    """A row that was read back.

    Attributes:
        path: as it was written.
        model: who answered; None for an error.
        start_s, end_s: what the answer is about; None for an error.
        end: where it ends in the file, in bytes.
    """

    path: str
    model: str | None
    start_s: float | None
    end_s: float | None
    end: int


class Format(Protocol):
    """How rows are written, and read back."""

    @property
    def key(self) -> Callable[[str], str]:
        """A path as it is read back."""
        ...

    def head(self) -> bytes:
        """What a file begins with."""
        ...

    def start(self) -> bytes:
        """What shows that it is such a file, even if it has no whole row."""
        ...

    def encode(self, result: FileResult) -> bytes:
        """One row."""
        ...

    def rows(self, file: IO[bytes]) -> Iterator[Row]:
        """The rows of a file, but for a last one that was cut.

        Raises:
            ResultsError: another row is none.
        """
        ...


class JsonLines:
    """One JSON object a line, as `emotion-edge classify --json` prints them.

    Args:
        key: what a path is to be known by.
    """

    def __init__(self, key: Callable[[str], str] = str) -> None:
        self.key: Final = key

    def head(self) -> bytes:
        return b""

    def start(self) -> bytes:
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
                raise ResultsError(f"line {number} is no result") from error
            yield Row(path, model, start_s, end_s, end)


class Csv:
    """Comma-separated values with a head line (RFC 4180, UTF-8).

    Args:
        labels: the model's.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels: Final = labels
        self._names: Final = list(columns(labels))
        self.key: Final = readable

    def head(self) -> bytes:
        return _line(self._names)

    def start(self) -> bytes:
        return self.head()

    def encode(self, result: FileResult) -> bytes:
        return _line(list(row(result.to_dict(), self._labels).values()))

    def rows(self, file: IO[bytes]) -> Iterator[Row]:
        for number, (cells, end) in enumerate(_records(file)):
            if number == 0 and cells != self._names:
                raise ResultsError(f"its columns are {', '.join(cells)}, wanted {', '.join(self._names)}")
            if len(cells) != len(self._names):
                raise ResultsError(f"record {number} is no result")
            if number:
                yield self._row(dict(zip(self._names, cells, strict=True)), number, end)

    def _row(self, cells: Mapping[str, str], number: int, end: int) -> Row:
        if not cells["model"]:
            return Row(cells["path"], None, None, None, end)
        try:
            return Row(cells["path"], cells["model"], float(cells["start_s"]), float(cells["end_s"]), end)
        except ValueError as error:
            raise ResultsError(f"record {number} is no result") from error


def _records(file: IO[bytes]) -> Iterator[tuple[list[str], int]]:
    """The records of a CSV file and where each ends, but for a last one that was cut."""
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except (csv.Error, UnicodeDecodeError) as error:
            if lines.over:  # the end is missing
                return
            raise ResultsError(f"line {reader.line_num} is no result: {error}") from error
        if cells is None or not lines.whole:
            return
        yield cells, lines.end


class _Lines:
    """The lines of a file: how much of it was taken, whether the latest is whole, and whether there are more."""

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


class Done:
    """Which files have their row: 16 bytes for each, whatever it is called.

    Args:
        key: what a path is read back as.
    """

    def __init__(self, key: Callable[[str], str]) -> None:
        self._key: Final = key
        self._digests: Final[set[bytes]] = set()
        self._failed: Final[set[bytes]] = set()

    def add(self, path: str, *, failed: bool = False) -> None:
        """It has one, or will have; whether that is an error."""
        digest = self._digest(path)
        self._digests.add(digest)
        if failed:
            self._failed.add(digest)

    def update(self, other: Done) -> None:
        """All of those, too."""
        self._digests.update(other._digests)
        self._failed.update(other._failed)

    def failed(self, path: str) -> bool:
        """Whether its row was there already, and is an error."""
        return self._digest(path) in self._failed

    def __contains__(self, path: str) -> bool:
        return self._digest(path) in self._digests

    def __len__(self) -> int:
        return len(self._digests)

    def _digest(self, path: str) -> bytes:
        from hashlib import blake2b  # here: it brings OpenSSL, five megabytes

        return blake2b(self._key(path).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Results:
    """A file of results, open for more.

    Args:
        path: of the file.
        form: how its rows are written.
        model: the name of the model.
        resume: whether to go on with a file that is there; without, there must be none.
        windows: that each file has rows of, their length and the time from one to the next in seconds; None: it has one
            row. With windows nobody knows whether the last file has all of its rows, and those go.

    Attributes:
        done: the files that have their row. Whoever hands one out adds it.

    Raises:
        ResultsError: there is one, or it is of another kind, model or windows, or cannot be read or written.
    """

    def __init__(self, path: Path, form: Format, *, model: str, resume: bool, windows: Windows | None = None) -> None:
        self.done: Final = Done(form.key)
        self._form: Final = form
        self._file: Final = AppendedFile(path, resume=resume)
        try:
            end = self._recover(path, model, windows)
            self._file.keep(end)
            if not end:
                self._file.append(form.head())
        except BaseException:
            self._file.close()
            raise

    @property
    def file(self) -> Path:
        """Where the rows are while they come."""
        return self._file.path

    def write(self, result: FileResult) -> None:
        """Add a row.

        Raises:
            ResultsError: the disk is full, say. The rows before it stay.
        """
        self._file.append(self._form.encode(result))

    def finish(self) -> None:
        """Nothing more will come."""
        self._file.sync()

    def close(self) -> None:
        """Let go of it, finished or not."""
        self._file.close()

    def _recover(self, path: Path, model: str, windows: Windows | None) -> int:
        """Note what is done; how much of the file that is, in bytes."""
        latest: str | None = None
        failed = False  # it has a row that is an error
        began = end = 0  # of its rows
        try:
            with path.open("rb") as file:
                answers = as_asked(self._form.rows(file), model, windows)
                for name, rows in groupby(answers, key=lambda each: each.path):
                    if latest is not None:
                        self.done.add(latest, failed=failed)
                    latest, began, failed = name, end, False
                    for each in rows:
                        failed |= each.model is None
                        end = each.end
                file.seek(0)
                if latest is None and not self._form.start().startswith(file.read(len(self._form.start()))):
                    raise ResultsError("it is no file of results")
        except ResultsError as error:
            raise ResultsError(f"{path} cannot be gone on with: {error}") from error
        except OSError as error:
            raise ResultsError(f"{path} cannot be read: {error.strerror or error}") from error
        if latest is None or windows is not None:
            return began
        self.done.add(latest, failed=failed)
        return end


def as_asked(rows: Iterable[Row], model: str, windows: Windows | None) -> Iterator[Row]:
    """The same rows, those of a file together, as long as each is what is asked for now.

    Raises:
        ResultsError: another model answered, or about something else: the whole file, or other windows of it.
    """
    for _, of_file in groupby(rows, key=lambda each: each.path):
        before_s = None
        for number, each in enumerate(of_file):
            if each.model is not None:
                if each.model != model:
                    raise ResultsError(f"it holds answers of the model {each.model}, and this is {model}")
                if not _fits(each, number, before_s, windows):
                    raise ResultsError(_another_question(each, windows))
            yield each
            before_s = each.start_s


def _another_question(row: Row, windows: Windows | None) -> str:
    about = "whole files" if windows is None else f"windows of {windows.window_s:g} s, one every {windows.step_s:g} s"
    return (
        f"it holds an answer about {row.start_s:g} to {row.end_s:g} s of {row.path}, and this is about {about}: ask with the "
        "same --timeline, --window and --step as before, or choose another name"
    )


def _fits(row: Row, number: int, before_s: float | None, windows: Windows | None) -> bool:
    """Whether an answer is about the whole of its file, or about the window that has its turn.

    Args:
        row: of an answer.
        number: how many rows its file has before it.
        before_s: where the window of the latest of those begins.
        windows: that were asked about.
    """
    assert row.start_s is not None
    assert row.end_s is not None
    whole, length_s = number == 0 and row.start_s == 0, row.end_s - row.start_s
    if windows is None:
        return whole
    if whole:
        return length_s < windows.window_s + _ROUNDING_S
    # They begin a step apart, but for the last one, which ends where the file does.
    regular = before_s is not None and abs(before_s - (number - 1) * windows.step_s) < _ROUNDING_S
    in_turn = regular and (number - 1) * windows.step_s < row.start_s < number * windows.step_s + _ROUNDING_S
    return in_turn and abs(length_s - windows.window_s) < _ROUNDING_S
