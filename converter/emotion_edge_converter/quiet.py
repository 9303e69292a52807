"""Silences the messages of TensorFlow that none of its settings turns off."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def import_tensorflow() -> None:
    """Import TensorFlow, silently unless --debug is on.

    The import takes seconds, so call this only after all checks that do not need TensorFlow.
    """
    if logging.getLogger("emotion_edge_converter").isEnabledFor(logging.DEBUG):
        import tensorflow
    else:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        with silent_stderr():  # hides messages from before it reads that setting
            import tensorflow  # noqa: F401


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Hide what is written to file descriptor 2 inside the block. If the block fails, the output is shown after all."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except BaseException:
            sink.seek(0)
            os.write(kept, sink.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
