"""From recordings and Keras models to the model files of emotion-edge."""

from importlib.metadata import version

__version__ = version("emotion-edge-converter")
