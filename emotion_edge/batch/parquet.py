"""Results as Parquet, a table whose index is at its end: nothing can be added to it.

So while a batch runs its rows are JSON lines in `NAME.parquet.part`, and at the end they become the table, which takes its
name when it is whole.
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
from .results import Done, JsonLines, Results, Row, as_asked, columns, readable, row

_ROWS_A_GROUP: Final = 1 << 14


class ParquetResults(Results):
    """As `Results`. A finished table can be gone on with, too: it is written anew at the end.

    Args:
        path: of the table.
        labels: of the model.
        model: its name.
        resume: whether to go on with what is there.
        windows: as for `Results`.

    Raises:
        ResultsError: as `Results` does, or pyarrow is not installed.
    """

    def __init__(
        self, path: Path, labels: Sequence[str], *, model: str, resume: bool, windows: Windows | None = None
    ) -> None:
        self._pyarrow, self._parquet = _import_pyarrow()
        self._path: Final = path
        self._labels: Final = labels
        self._part: Final = path.with_name(f"{path.name}.part")
        if path.exists() and not resume:
            raise ResultsError(f"{path} exists already: --resume goes on with it; or choose another name, or remove it")
        in_table = self._paths_in_table(model, windows)
        super().__init__(self._part, JsonLines(readable), model=model, resume=resume, windows=windows)
        self._in_table: Final = in_table
        self.done.update(in_table)

    def finish(self) -> None:
        """Make the table of the rows."""
        super().finish()
        rows = self._rows()
        first = list(islice(rows, _ROWS_A_GROUP))
        if first or not self._path.exists():
            self._write_table(first, rows)
        self.close()
        with suppress(OSError):  # all of it is in the table
            self._part.unlink()

    def _paths_in_table(self, model: str, windows: Windows | None) -> Done:
        done = Done(readable)
        if not self._path.exists():
            return done
        try:
            with self._parquet.ParquetFile(self._path) as table:
                wanted, got = list(columns(self._labels)), table.schema_arrow.names
                if got != wanted:
                    raise ResultsError(f"its columns are {', '.join(got)}, wanted {', '.join(wanted)}")
                for each in as_asked(_rows_of(table), model, windows):
                    done.add(each.path, failed=each.model is None)
        except (ResultsError, self._pyarrow.ArrowException, OSError) as error:
            raise ResultsError(f"{self._path} cannot be gone on with: {error}") from error
        return done

    def _rows(self) -> Iterator[dict[str, Any]]:
        """What was added to the table since it was made; all of it may be in there, if we ended before we could tidy up."""
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
                    first = list(islice(rest, _ROWS_A_GROUP))
        except (self._pyarrow.ArrowException, OSError) as error:
            raise ResultsError(
                f"{self._path} cannot be written: {getattr(error, 'strerror', None) or error}; its rows are kept in {self._part}"
            ) from error

    def _old_batches(self) -> Iterator[Any]:
        if self._path.exists():
            with self._parquet.ParquetFile(self._path) as table:
                yield from table.iter_batches(_ROWS_A_GROUP)


def _rows_of(table: Any) -> Iterator[Row]:
    for batch in table.iter_batches(_ROWS_A_GROUP, columns=["path", "model", "start_s", "end_s"]):
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
