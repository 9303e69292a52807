"""The model file, and what runs it.

- `file`: loading, checking, and where the shipped ones are
- `recipe`: what a model file says about itself
- `flatbuffer`, `graph`, `shapes`: reading TFLite's format without trusting it
- `interpreter`: LiteRT, tflite-runtime or numpy, whichever works here
- `numpy_interpreter`, `numpy_operators`: the last of these
- `network`: all of it together, from log-mel frames to probabilities
"""
