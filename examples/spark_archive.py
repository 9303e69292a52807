"""Classifies an archive with Spark and writes a table: spark-submit examples/spark_archive.py FOLDER TABLE.parquet

Needs pip install pyspark pandas pyarrow. Every machine needs emotion-edge, and the folder under the same path.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from emotion_edge import classify_many
from emotion_edge.batch.results import columns, row
from emotion_edge.model.file import DEFAULT_MODEL, load

LABELS = load(DEFAULT_MODEL).recipe.labels
COLUMNS = columns(LABELS)
SCHEMA = ", ".join(f"`{name}` {'string' if kind is str else 'double'}" for name, kind in COLUMNS.items())


def classify_frames(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Runs in each of Spark's processes, called by mapInPandas: tables of paths in, tables of answers out."""
    for frame in frames:
        rows = [row(result.to_dict(), LABELS) for result in classify_many(frame["path"])]
        yield pd.DataFrame(rows, columns=list(COLUMNS))


if __name__ == "__main__":
    from pyspark.sql import SparkSession

    folder, table = sys.argv[1:]
    spark = SparkSession.builder.appName("emotion-edge").getOrCreate()
    paths = [(str(path),) for path in sorted(Path(folder).rglob("*.wav"))]
    n_partitions = max(1, min(len(paths), 4 * spark.sparkContext.defaultParallelism))
    answers = spark.createDataFrame(paths, "path string").repartition(n_partitions).mapInPandas(classify_frames, SCHEMA)
    answers.write.parquet(table)
    spark.stop()
