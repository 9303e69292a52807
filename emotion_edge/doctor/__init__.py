"""Checks whether everything that this package needs is installed and works.

- `checks`: the checks, and the commands that fix what they find
- `probes`: attempts that may crash, each in a separate process
"""
