"""`python -m emotion_edge_converter` is `emotion-edge-converter`."""

import sys

from .cli import main

sys.exit(main())
