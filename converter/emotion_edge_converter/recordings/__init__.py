"""Sounds, and ways to change them.

- `sounds`: recordings without a label: noises, and impulse responses of rooms
- `augmentation`: effects of rooms, microphones and other sounds on samples
- `conditions`: the conditions of an evaluation: as recorded, noise, room, telephone
- `synthetic_noise`: synthetic noises
"""
