"""Sound in, as blocks of mono float32.

- `files`: recordings and pipes, decoded by libsndfile
- `wav`: WAV without libsndfile, read and written
- `samples`: samples in memory, of any dtype and number of channels
- `resampling`: from one rate to another
- `blocks`: a stream cut into blocks of one length
- `microphone`: input devices, and what they hear
"""
