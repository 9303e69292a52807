"""The command line. Data goes to stdout, talk to stderr; exit status 0 done, 1 failed, 2 usage.

- `main`: the program
- one module a command: `classify`, `timeline`, `listen`, `serve`, `profile`, `models`, `devices`, `record`, `doctor`
- `arguments`, `inputs`, `output`, `learning`, `publishing`: options that several commands share, and what they mean
- `running`, `terminal`, `progress`, `live_view`: errors, colours, bars and the live display
"""
