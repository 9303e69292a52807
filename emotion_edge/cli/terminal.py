"""What standard output can show."""

from __future__ import annotations

import os
import sys
from typing import Final

BOLD: Final = "\x1b[1m"
DIM: Final = "\x1b[2m"
RED: Final = "\x1b[31m"
GREEN: Final = "\x1b[32m"
YELLOW: Final = "\x1b[33m"
PLAIN: Final = "\x1b[0m"


def is_colourful() -> bool:
    """Whether it is a terminal that can be drawn on, and nobody asked for plain text (NO_COLOR)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def shows(text: str) -> bool:
    """Whether its encoding has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
