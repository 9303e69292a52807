"""Results as a Parquet table.

A Parquet file has its index at the end, so rows cannot be appended. While a batch runs, its rows are written as JSON
lines to `NAME.parquet.part`. At the end they become the table, which gets its name when it is complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ..errors import ResultsError
from ..files import replacing
from ..speech.windows import Windows
from .results import FinishedFiles, JsonLines, Results, Row, checked_rows, columns, readable, row

_ROWS_PER_GROUP: Final = 1 << 14


class ParquetResults(Results):
    """Results as a Parquet table. A finished table can be resumed too: it is rewritten at the end.

    Args:
        path: the path of the table.
        labels: the labels of the model.
        model: the name of the model.
        resume: whether to continue an existing table or part.
        windows: as for `Results`.

    Raises:
        ResultsError: as for `Results`, or pyarrow is not installed.
    """

    def __init__(
        self, path: Path, labels: Sequence[str], *, model: str, resume: bool, windows: Windows | None = None
    ) -> None:
        self._pyarrow, self._parquet = _import_pyarrow()
        self._path: Final = path
        self._labels: Final = labels
        self._part: Final = path.with_name(f"{path.name}.part")
        if path.exists() and not resume:
            raise ResultsError(f"{path} already exists: continue it with --resume, choose another name, or remove it")
        in_table = self._paths_in_table(model, windows)
        super().__init__(self._part, JsonLines(readable), model=model, resume=resume, windows=windows)
        self._in_table: Final = in_table
        self.done.update(in_table)

    def finish(self) -> None:
        """Write the table.

        Raises:
            ResultsError: the table cannot be written. The rows stay in the part.
        """
        super().finish()
        rows = self._rows()
        first = list(islice(rows, _ROWS_PER_GROUP))
        if first or not self._path.exists():
            self._write_table(first, rows)
        self.close()
        with suppress(OSError):  # all of its rows are in the table
            self._part.unlink()

    def _paths_in_table(self, model: str, windows: Windows | None) -> FinishedFiles:
        done = FinishedFiles(readable)
        if not self._path.exists():
            return done
        try:
            with self._parquet.ParquetFile(self._path) as table:
                wanted, got = list(columns(self._labels)), table.schema_arrow.names
                if got != wanted:
                    raise ResultsError(f"its columns are {', '.join(got)}, wanted {', '.join(wanted)}")
                for each in checked_rows(_rows_of(table), model, windows):
                    done.add(each.path, failed=each.model is None)
        except (ResultsError, self._pyarrow.ArrowException, OSError) as error:
            raise ResultsError(f"{self._path} cannot be resumed: {error}") from error
        return done

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows that are not in the table yet.

        There are none if an earlier run wrote the table and was killed before it could remove the part.
        """
        with self._part.open("rb") as file:
            for line in file:
                result = json.loads(line)
                if result["path"] not in self._in_table:
                    yield row(result, self._labels)

    def _write_table(self, first: list[dict[str, Any]], rest: Iterator[dict[str, Any]]) -> None:
        kinds = {str: self._pyarrow.string(), float: self._pyarrow.float64()}
        schema = self._pyarrow.schema([(name, kinds[kind]) for name, kind in columns(self._labels).items()])
        try:
            with (
                replacing(self._path, durable=True) as temporary,
                temporary.open("wb") as file,
                self._parquet.ParquetWriter(file, schema) as writer,
            ):
                for batch in self._old_batches():
                    writer.write_batch(batch)
                while first:
                    writer.write_table(self._pyarrow.Table.from_pylist(first, schema))
                    first = list(islice(rest, _ROWS_PER_GROUP))
        except (self._pyarrow.ArrowException, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ResultsError(
                f"{self._path} cannot be written: {reason}; its rows are still in {self._part}"
            ) from error

    def _old_batches(self) -> Iterator[Any]:
        if self._path.exists():
            with self._parquet.ParquetFile(self._path) as table:
                yield from table.iter_batches(_ROWS_PER_GROUP)


def _rows_of(table: Any) -> Iterator[Row]:
    for batch in table.iter_batches(_ROWS_PER_GROUP, columns=["path", "model", "start_s", "end_s"]):
        for each in batch.to_pylist():
            yield Row(**each, end=0)


def _import_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ResultsError(
            f"Parquet needs pyarrow ({error}): pip install 'emotion-edge[parquet]', or write .jsonl or .csv"
        ) from error
    return pyarrow, pyarrow.parquet
