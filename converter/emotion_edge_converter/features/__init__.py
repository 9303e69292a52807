"""Features to train on.

- `reference`: by librosa and python_speech_features, which the device's own must equal
- `reference_functionals`: the functionals in float64, one column at a time
- `examples`: of recordings as they are, and as they might have been
- `speech_windows`: of windows as the live loop cuts them, for the speech gate
- `outliers`: those that lie too far from all others
"""
