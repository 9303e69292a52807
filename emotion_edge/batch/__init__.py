"""Classification of many files.

- `classify`: one answer per file, with any executor
- `timelines`: one answer per window of each file
- `processes`: worker processes on this machine, and what happens if one dies
- `results`: results files as JSON lines or CSV, which can be resumed
- `parquet`: results files as Parquet tables
- `appended_file`: a file that grows by whole rows
"""
