"""`python -m emotion_edge` is `emotion-edge`."""

import sys

from .cli.main import main

sys.exit(main())
