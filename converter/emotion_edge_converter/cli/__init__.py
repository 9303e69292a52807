"""The command line. Data goes to stdout, messages to stderr. Exit status: 0 success, 1 failure, 2 wrong usage.

- `main`: the program
- one module for each command: `metadata`, `grid`, `train`, `convert`, `parity`, `evaluate`, `adapt`, `speech_gate`,
  `voice_encoder`, `head`
- `arguments`, `outputs`: options that several commands share, and the output files of training commands
"""
