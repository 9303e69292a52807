"""The voice encoder: the first block of a speech recogniser's encoder, as a file that small devices run.

- `recipe`: what its file says of itself, and the frames that it takes
- `weights`: reading them, from the formats in which they are published
- `network`: the full model, in Keras
- `rounding`: its matrices as whole numbers, rounded for speech
- `graph_writer`: a TFLite graph, written operator by operator
- `graph`: the encoder as such a graph
- `parity`: does the small encoder give the features of the full one?
"""
