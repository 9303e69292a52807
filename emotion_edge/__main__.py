"""`python -m emotion_edge` is `emotion-edge`."""

import sys

from .cli import main

sys.exit(main())
