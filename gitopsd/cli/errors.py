"""What commands can't do."""

from __future__ import annotations

from gitopsd.model.errors import GitopsdError


class DaemonError(GitopsdError):
    """The daemon can't be reached, says no, or could not do what was asked."""
