"""The models that ship, and those of one voice.

- `five_emotions`, `speech_gate`: how each is trained
- `cross_validation`, `gate_report`: how good they are on voices that they never heard
- `adaptation`, `clips`: a model fitted to a few clips of one voice
"""
