"""A timeline as a file: picture, page, captions or table.

- `writing`: chooses the format by the name's ending
- `recording`: a recording's answers over time, and its waveform (`envelope`)
- `picture`, `page`, `captions`, `tables`: the formats
- `overview`, `stretches`, `time_axis`, `direct_labels`, `lettering`: what picture and page share
"""
