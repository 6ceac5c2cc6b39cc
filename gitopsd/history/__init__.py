"""What happened: every sync, what it changed, and what drifted, in SQLite or PostgreSQL.

Nothing of SQLAlchemy leaves this package: it speaks in SyncRecords, and raises StorageError.
"""

from __future__ import annotations

from gitopsd.history.history import History, is_worth_keeping, tells_of_drift
from gitopsd.history.retention import Retention

__all__ = ["History", "Retention", "is_worth_keeping", "tells_of_drift"]
