"""What can go wrong here, beside the runtime's own errors."""

from emotion_edge import EmotionEdgeError


class CorpusError(EmotionEdgeError):
    """The recordings cannot be used: no such corpus, none that fit, one label only."""


class ConversionError(EmotionEdgeError):
    """The Keras model cannot become a model file, or its file does not answer as it does."""
