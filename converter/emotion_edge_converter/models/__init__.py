"""Trains and measures the shipped models, and adapts models to one voice.

- `five_emotions`, `speech_gate`: training of the two models
- `heads`: training of models on the voice encoder
- `cross_validation`, `gate_report`: how good they are on new speakers
- `adaptation`, `clips`: fits a model to a few clips of one voice
"""
