"""Who is told of passes and statuses. One that fails is no reason for the others, or for the work, to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVarTuple

import structlog

from gitopsd.model.record import SyncRecord
from gitopsd.model.status import AppStatus

_Told = TypeVarTuple("_Told")

Listener = Callable[[SyncRecord, AppStatus], None]
"""Told of every pass: log line, metrics and event stream derive from the same two values."""
Watcher = Callable[[AppStatus], None]
"""Told of every change of a status, whatever it came from."""

_log = structlog.get_logger()


def tell(listener: Callable[[*_Told], None], *told: *_Told) -> None:
    """Tells one of them."""
    try:
        listener(*told)
    except Exception:  # noqa: BLE001 - said in the log
        _log.exception("a listener failed")
