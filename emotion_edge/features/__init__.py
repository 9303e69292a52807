"""Turns samples into the features that a model needs.

- `recipe`: the parameters of frames: rates, lengths, filters, presets of librosa and python_speech_features
- `mfcc`: log-mel frames and MFCCs of a whole clip or of a stream; it uses `mel` and `fft`
- `pooling`: the functions that turn frames into one vector, by name
"""
