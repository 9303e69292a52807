"""A timeline as a file: a picture, a page, captions or a table.

- `writing`: chooses the format by the suffix of the file name
- `recording`: the answers over the time of a recording, and its waveform (`envelope`)
- `picture`, `page`, `captions`, `tables`: the formats
- `overview`, `sections`, `time_axis`, `direct_labels`, `lettering`: helpers that the formats share
"""
