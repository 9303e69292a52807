"""From recordings and Keras models to the model files of emotion-edge."""

__version__ = "0.1.0"
