"""Sounds, and what can happen to them.

- `sounds`: recordings without a label: noises and rooms
- `augmentation`: what rooms, microphones and other sounds do to samples
- `conditions`: in what an evaluation hears each recording: clean, noise, room, telephone
- `synthetic_noise`: noises of our own making
"""
