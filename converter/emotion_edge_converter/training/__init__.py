"""Trains networks.

- `architectures`: multilayer perceptrons, untrained
- `fitting`: repeatable training
- `splits`: which utterances train and which test
- `study`: the original study, repeated
- `owners`: simulated voice profiles
- `checkpoints`: long runs that can be interrupted and resumed
"""
