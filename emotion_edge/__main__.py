"""`python -m emotion_edge` runs the command `emotion-edge`."""

import sys

from .cli.main import main

sys.exit(main())
