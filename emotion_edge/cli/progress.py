"""The progress of a batch or a long recording: a bar on the terminal, unless answers are printed there."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from types import TracebackType
from typing import Any, Final


class Progress:
    """Counts files, and shows a bar with rate, remaining time and failures inside the `with` block.

    Args:
        shown: whether to show a bar if there is a terminal.

    Attributes:
        done: the number of files answered in this run.
        failed: how many of these failed.
        skipped: the number of files answered in an earlier run.
        failed_before: how many of those failed.
        visible: whether there is a bar.
    """

    def __init__(self, *, shown: bool) -> None:
        self.done = self.failed = self.skipped = self.failed_before = 0
        self.visible: Final = shown and sys.stderr.isatty()
        self._bar: Any = None

    def start(self, total: int | None) -> None:
        """Start the bar. `total` is the number of files, or None if it is not known."""
        if self.visible:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="file", dynamic_ncols=True, leave=False)

    def skip(self, *, failed: bool) -> None:
        """Count a file that was answered in an earlier run, perhaps with an error."""
        self.skipped += 1
        self.failed_before += failed
        if self._bar is not None:
            self._bar.initial += 1  # the rate does not include skipped files
            self._bar.n += 1

    def count(self) -> None:
        """Count a file that was answered in this run."""
        self.done += 1
        if self._bar is not None:
            self._bar.update()

    def fail(self) -> None:
        """Count a failure of the file that was counted last."""
        self.failed += 1
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self.failed} failed", refresh=False)

    def print(self, text: str) -> None:
        """Print a line on stderr, above the bar."""
        if self._bar is None:
            print(text, file=sys.stderr)
        else:
            self._bar.write(text, file=sys.stderr)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def with_bar(blocks: Iterable[Any], rate_hz: int, *, total_s: float | None) -> Generator[Any, None, None]:
    """Yield the same blocks of samples, and show on a terminal how much of the recording was read.

    Args:
        blocks: each of shape (n,).
        rate_hz: the sample rate of the blocks.
        total_s: the length of the recording in seconds; None if it is not known.
    """
    if not sys.stderr.isatty():
        yield from blocks
        return
    from tqdm import tqdm

    known = "{percentage:3.0f} % |{bar}| {remaining} left"
    with tqdm(total=total_s, bar_format=known if total_s else "{n:.0f} s read", dynamic_ncols=True, leave=False) as bar:
        for block in blocks:
            yield block
            bar.update(len(block) / rate_hz)
