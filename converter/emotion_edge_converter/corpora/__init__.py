"""Labelled recordings as tables.

- `readers`: the corpora by name; one module each: `tess`, `ravdess`, `emodb`, `nemo`, `ased`
- `folders`, `table`: recordings of one's own, in folders or named by a CSV
- `utterance`, `names`, `summary`: a row, what the readers share, and how much there is
"""
