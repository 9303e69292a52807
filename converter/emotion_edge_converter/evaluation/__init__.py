"""Measures how good a model is.

- `metrics`: UAR, intervals, confusion
- `answers`: the answers of models to recordings, by the code of the device
- `fold_models`: which model answers which speaker
- `profiles`: the answers to speakers whose voices the models know
- `scores`: all figures of an evaluation, as plain data
- `calibration`: the temperature, and the threshold for `uncertain`
"""
