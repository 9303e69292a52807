"""Many files.

- `classify`: one answer a file, by any executor
- `timelines`: an answer for every window of each file
- `processes`: workers on this machine, and what happens when one dies
- `results`: the results file, as JSON lines or CSV, that can be resumed; `parquet` makes a table of it
- `appended_file`: a file that grows by whole rows
"""
