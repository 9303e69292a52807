"""Classifies an archive on a cluster of any size: python examples/dask_archive.py SCHEDULER FOLDER > results.jsonl

SCHEDULER is an address such as tcp://10.0.0.1:8786. Needs pip install distributed. Every machine needs emotion-edge,
and the folder under the same path.
"""

import json
import sys
from pathlib import Path

from distributed import Client

from emotion_edge import classify_many

if __name__ == "__main__":
    scheduler, folder = sys.argv[1:]
    with Client(scheduler) as client:
        n_cores = sum(client.ncores().values())
        recordings = Path(folder).rglob("*.wav")
        for result in classify_many(recordings, executor=client.get_executor(), buffersize=max(4, 4 * n_cores)):
            print(json.dumps(result.to_dict()), flush=True)
