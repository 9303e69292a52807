"""How good a model is.

- `metrics`: UAR, intervals, confusion
- `answers`: what models answer to recordings, on the device's own path; `fold_models` says which model answers whom
- `scores`: all figures of an evaluation, as plain data
- `calibration`: temperature, and the threshold of `uncertain`
"""
