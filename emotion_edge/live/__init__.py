"""The live loop: from a microphone to events.

- `listener`: the loop itself, in threads of its own
- `stream`: the same without threads or devices: samples in, events out
- `settings`: windows, gate and thresholds
- `sources`: microphone, pipe or file
- `events`: what is entered, held and left
- `event_queue`: events on their way to the program that uses them
- `input_check`: dead and broken inputs
- `recorder`: the sound of events, for those who ask for it
"""
