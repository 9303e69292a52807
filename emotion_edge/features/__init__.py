"""Turns samples into the features that a model needs.

- `recipe`: the parameters of frames: rates, lengths, filters, presets of librosa and python_speech_features
- `mfcc`: log-mel frames and MFCCs of a whole clip or of a stream; it uses `mel` and `fft`
- `prosody`: level, voicing and pitch of each frame
- `functionals`: statistics of frames with MFCCs and prosody
- `pooling`: the functions that turn frames into one vector, by name
"""
