"""The live loop: from a microphone to events.

- `listener`: the loop, which runs in its own threads
- `stream`: the same without threads or devices: samples in, events out
- `settings`: windows, gate and thresholds
- `sources`: microphone, pipe or file
- `events`: when a label is entered, held and left
- `event_queue`: passes events from the loop to the program that uses them
- `input_check`: detects dead and broken inputs
- `recorder`: saves the sound of events, if asked to
"""
