"""How far a batch or a long recording is: a bar on the terminal, where nobody else writes on it."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from types import TracebackType
from typing import Any, Final


class Progress:
    """Counts files, and shows a bar with rate, remaining time and failures while the block runs.

    Args:
        shown: whether there is room for a bar; without a terminal there is none anyway.

    Attributes:
        done, failed, skipped: files answered; those of them that have an error; those that had been answered before.
        failed_before: those of the latter that have an error.
        visible: whether there is a bar.
    """

    def __init__(self, *, shown: bool) -> None:
        self.done = self.failed = self.skipped = self.failed_before = 0
        self.visible: Final = shown and sys.stderr.isatty()
        self._bar: Any = None

    def start(self, total: int | None) -> None:
        """The work begins: on `total` files, or None, where nobody knows."""
        if self.visible:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="file", dynamic_ncols=True, leave=False)

    def skip(self, *, failed: bool) -> None:
        """A file was answered before, perhaps with an error."""
        self.skipped += 1
        self.failed_before += failed
        if self._bar is not None:
            self._bar.initial += 1  # the rate is that of the others
            self._bar.n += 1

    def count(self) -> None:
        """A file is answered."""
        self.done += 1
        if self._bar is not None:
            self._bar.update()

    def fail(self) -> None:
        """Its answer is an error."""
        self.failed += 1
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self.failed} failed", refresh=False)

    def say(self, text: str) -> None:
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


def heard(blocks: Iterable[Any], rate_hz: int, *, total_s: float | None) -> Generator[Any, None, None]:
    """The same blocks of samples, and a bar for how much of a recording they are; without a terminal there is none.

    Args:
        blocks: each of shape (n,).
        rate_hz: theirs.
        total_s: how long the recording is; None where nobody knows.
    """
    if not sys.stderr.isatty():
        yield from blocks
        return
    from tqdm import tqdm

    known = "{percentage:3.0f} % |{bar}| {remaining} left"
    with tqdm(
        total=total_s, bar_format=known if total_s else "heard {n:.0f} s", dynamic_ncols=True, leave=False
    ) as bar:
        for block in blocks:
            yield block
            bar.update(len(block) / rate_hz)
