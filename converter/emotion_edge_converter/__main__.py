"""Lets `python -m emotion_edge_converter` run `emotion-edge-converter`."""

import sys

from .cli.main import main

sys.exit(main())
