"""Trains and measures the shipped models, and adapts models to one voice.

- `heads`: training of models on the voice encoder
- `speech_gate`: training of the speech gate
- `cross_validation`, `gate_report`: how good they are on new speakers
- `adaptation`, `clips`: fits a model to a few clips of one voice
"""
