"""TensorFlow without the chatter that no setting of its own silences."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def import_tensorflow() -> None:
    """Import it, which takes seconds, when all that can be checked without it has been; with --debug, as talkative as it is."""
    if logging.getLogger("emotion_edge_converter").isEnabledFor(logging.DEBUG):
        import tensorflow
    else:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        with silent_stderr():  # what it says before it has read that setting
            import tensorflow  # noqa: F401


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Keep file descriptor 2 quiet; what was written to it appears after all if the block fails."""
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
