"""Says of every recording that is put into a folder how it sounds: python examples/folder_watcher.py DIR

It looks twice a second, at a share of the network too, and takes a file when it has ceased to grow.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from emotion_edge import AudioError, EmotionClassifier

SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aiff")


def sizes(folder: Path) -> dict[Path, int]:
    """The recordings in a folder, and how large they are; one that goes away while it looks is passed over."""
    found = {}
    for path in folder.iterdir():
        try:
            if path.suffix.lower() in SOUNDS:
                found[path] = path.stat().st_size
        except FileNotFoundError:
            continue
    return found


def arrivals(folder: Path) -> Iterator[Path]:
    """Recordings that were not there at first, each once, when its size is the same as half a second before."""
    done, before = set(sizes(folder)), {}
    while True:
        time.sleep(0.5)
        now = sizes(folder)
        for path in sorted(path for path in now if path not in done and before.get(path) == now[path]):
            done.add(path)
            yield path
        done &= set(now)  # one that went away may come again
        before = now


if len(sys.argv) != 2:
    sys.exit(__doc__)
classifier = EmotionClassifier()
try:
    print(f"watching {sys.argv[1]}", file=sys.stderr, flush=True)
    for path in arrivals(Path(sys.argv[1])):
        try:
            print(f"{path}: {classifier.classify(path)}", flush=True)
        except AudioError as error:  # names the file; the next may be better
            print(error, file=sys.stderr, flush=True)
except OSError as error:
    sys.exit(f"{sys.argv[1]} cannot be watched: {error.strerror}")
except KeyboardInterrupt:
    pass
