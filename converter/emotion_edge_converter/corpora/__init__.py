"""Reads labelled recordings into tables.

- `readers`: the corpora by name, with one module each: `tess`, `ravdess`, `emodb`, `nemo`, `ased`,
  `cremad`, `es_rcebrian`
- `folders`, `table`: your own recordings, in folders or listed in a CSV file
- `utterance`, `names`, `summary`: one row, code that the readers share, and counts per corpus
"""
