"""Is anybody speaking, and since when?

- `level`: loudness alone
- `gate`: the trained speech gate, asked about a clip
- `utterances`: speech between two pauses, in a stream
- `windows`: how long the windows are that are answered, and how far apart
- `recent_frames`: the latest frames of a stream, for the features of any window
"""
