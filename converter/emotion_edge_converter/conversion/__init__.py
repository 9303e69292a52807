"""Converts Keras models into model files, and checks the result.

- `keras_models`: loads Keras models and takes them apart
- `tflite`: quantises them
- `model_file`: embeds the recipe in the file
- `parity`: checks that the small model answers like the full one
"""
