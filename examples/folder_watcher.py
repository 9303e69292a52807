"""Classifies every new recording in a folder: python examples/folder_watcher.py DIR

It checks the folder twice a second, which also works on a network share, and classifies a file once it has
stopped growing.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from emotion_edge import AudioError, EmotionClassifier

SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aiff")


def sizes(folder: Path) -> dict[Path, int]:
    """The recordings in a folder with their sizes in bytes; a file that disappears meanwhile is skipped."""
    found = {}
    for path in folder.iterdir():
        try:
            if path.suffix.lower() in SOUNDS:
                found[path] = path.stat().st_size
        except FileNotFoundError:
            continue
    return found


def arrivals(folder: Path) -> Iterator[Path]:
    """New recordings, each once, as soon as its size has not changed for half a second."""
    done = set(sizes(folder))
    before: dict[Path, int] = {}
    while True:
        time.sleep(0.5)
        now = sizes(folder)
        for path in sorted(path for path in now if path not in done and before.get(path) == now[path]):
            done.add(path)
            yield path
        done &= set(now)  # a file that was removed may come back
        before = now


if len(sys.argv) != 2:
    sys.exit(__doc__)
classifier = EmotionClassifier()
try:
    print(f"watching {sys.argv[1]}", file=sys.stderr, flush=True)
    for path in arrivals(Path(sys.argv[1])):
        try:
            print(f"{path}: {classifier.classify(path)}", flush=True)
        except AudioError as error:  # its message names the file; the next file may be good
            print(error, file=sys.stderr, flush=True)
except OSError as error:
    sys.exit(f"{sys.argv[1]} cannot be watched: {error.strerror}")
except KeyboardInterrupt:
    pass
