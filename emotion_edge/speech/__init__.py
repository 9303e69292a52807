"""Detects speech in clips and streams.

- `level`: detection by loudness alone
- `gate`: the trained speech gate, for a clip
- `utterances`: speech between two pauses, in a stream
- `windows`: the length of windows and the step between them
- `recent_frames`: the latest frames of a stream, for the features of any window
"""
