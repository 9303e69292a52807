"""The command line: `main`, and one module a command. Data goes to stdout, talk to stderr; exit 0 done, 1 failed, 2 usage."""
