"""Turns recordings and Keras models into model files for emotion-edge."""

from importlib.metadata import version

__version__ = version("emotion-edge-converter")
