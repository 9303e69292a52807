"""The command line. Data goes to stdout, messages go to stderr. Exit status: 0 done, 1 failed, 2 wrong usage.

- `main`: the program
- one module per command: `classify`, `timeline`, `listen`, `serve`, `profile`, `models`, `devices`, `record`, `doctor`
- `arguments`, `inputs`, `output`, `learning`, `publishing`: options that several commands share, and their meaning
- `running`, `terminal`, `progress`, `live_view`: errors, colours, progress bars and the live view
"""
