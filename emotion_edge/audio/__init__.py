"""Sound in, as blocks of mono float32.

- `files`: recordings and pipes, decoded by libsndfile
- `wav`: reads and writes WAV without libsndfile
- `samples`: samples in memory, of any dtype and number of channels
- `resampling`: from one sample rate to another
- `blocks`: a stream cut into blocks of equal length
- `microphone`: input devices, and the sound from them
"""
