"""Features for training.

- `reference`: features by librosa and python_speech_features; those of the device must be equal
- `examples`: features of recordings and of changed versions of them
- `speech_windows`: features of windows as the live loop cuts them, for the speech gate
- `outliers`: limits extreme features
"""
