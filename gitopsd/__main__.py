"""`python -m gitopsd` is `gitopsd`."""

from __future__ import annotations

import sys

from gitopsd.cli import main

if __name__ == "__main__":
    sys.exit(main())
