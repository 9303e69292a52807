"""Training networks.

- `architectures`: multilayer perceptrons, untrained
- `fitting`: the same way each time
- `splits`: which utterances train and which test
- `study`: the original study again
- `owners`: voice profiles as devices will have learnt them
- `checkpoints`: long work that can be stopped and resumed
"""
