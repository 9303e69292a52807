"""Drawing code for all reports: colours, PNG bytes and confusion matrices, with matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import matplotlib
import numpy as np
from numpy.typing import ArrayLike

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

# The colours of Okabe & Ito, which colour-blind readers can distinguish.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def confusion(counts: ArrayLike, rows: Sequence[str], columns: Sequence[str], title: str) -> bytes:
    """Draw a confusion matrix: rows actual, columns predicted, shaded by the share of the row."""
    counts = np.array(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, panel = plt.subplots(figsize=(1.2 + 0.5 * len(columns), 1.2 + 0.5 * len(rows)))
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        panel.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=9)
    panel.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    panel.set_yticks(range(len(rows)), rows)
    panel.set(xlabel="predicted", ylabel="actual", title=title)
    return png(figure)


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file, and close it."""
    buffer = io.BytesIO()
    figure.tight_layout()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
