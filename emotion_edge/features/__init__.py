"""From samples to the numbers that a model takes.

- `recipe`: how frames are made: rates, lengths, filters, presets of librosa and python_speech_features
- `mfcc`: log-mel frames and MFCCs, of a whole clip or of a stream; `mel` and `fft` are what they are made with
- `prosody`: level, voicing and pitch of each frame
- `functionals`: statistics of frames, MFCCs and prosody together
- `pooling`: the ways from frames to one vector, by name
"""
