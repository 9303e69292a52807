"""Is everything here that this package needs?

- `checks`: what is looked at, and the command that mends it
- `probes`: what may crash, each in a process of its own
"""
