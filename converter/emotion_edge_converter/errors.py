"""Errors of the converter, in addition to those of the runtime."""

from emotion_edge import EmotionEdgeError


class CorpusError(EmotionEdgeError):
    """The recordings cannot be used: an unknown corpus, no matching files, or only one label."""


class ConversionError(EmotionEdgeError):
    """The Keras model cannot be converted, or the converted file does not give the same answers."""
