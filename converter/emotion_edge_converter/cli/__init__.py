"""The command line. Data goes to stdout, talk to stderr; exit status 0 done, 1 failed, 2 usage.

- `main`: the program
- one module a command: `metadata`, `grid`, `train`, `convert`, `parity`, `evaluate`, `adapt`, `five_emotions`, `speech_gate`
- `arguments`, `outputs`: options that several commands share, and what commands that train write
"""
