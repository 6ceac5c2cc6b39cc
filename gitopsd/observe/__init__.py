"""What the world may see of gitopsd: metrics and logs, both derived from records, both without secrets."""

from __future__ import annotations

from gitopsd.observe.logs import configure_logging, log_record
from gitopsd.observe.metrics import Metrics
from gitopsd.observe.redact import redact

__all__ = ["Metrics", "configure_logging", "log_record", "redact"]
