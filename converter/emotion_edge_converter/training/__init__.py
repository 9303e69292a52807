"""Trains networks.

- `architectures`: multilayer perceptrons, untrained
- `fitting`: repeatable training
- `balance`: how much each recording counts
- `linear`: softmax regression with a ridge penalty
- `shallow`: networks with one hidden layer on limited features
- `voices`: voice profiles for heads on the voice encoder
- `splits`: which utterances train and which test
- `study`: the original study, repeated
- `checkpoints`: long runs that can be interrupted and resumed
"""
