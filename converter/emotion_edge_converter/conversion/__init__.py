"""From Keras to a model file, and the proof.

- `keras_models`: anybody's Keras model, loaded and taken apart
- `tflite`: quantising it
- `model_file`: the recipe into the file
- `parity`: does the small model answer as the full one does?
"""
