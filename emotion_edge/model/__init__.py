"""Reads model files and runs them.

- `file`: loads and checks model files, and knows the shipped ones
- `recipe`: the description of a model inside its file
- `flatbuffer`, `graph`, `shapes`: read the TFLite format without trusting it
- `interpreter`: LiteRT, tflite-runtime or numpy, whichever works on this machine
- `numpy_interpreter`, `numpy_operators`: the numpy one
- `encoder`: the voice encoder, which several models share
- `front_end`: turns log-mel frames into the features of a model
- `network`: combines all of them, from log-mel frames to probabilities
"""
