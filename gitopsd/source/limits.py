"""The bounds of what is read from a commit, or from a folder that may become one."""

from __future__ import annotations

MAX_FILE = 32 << 20
"""The largest file that is read, in bytes. An API server takes objects of 1.5 MiB; bundles of definitions are larger."""
MAX_FOLDER = 4 << 20
"""The largest folder, in bytes of its raw form: some hundred thousand names."""
