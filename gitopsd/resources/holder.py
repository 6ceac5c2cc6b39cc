"""Whether Argo CD still reconciles an application. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

CONTROLLER = "argocd-application-controller"
"""The field manager under which Argo CD's controller writes an application's status."""

FRESH = timedelta(minutes=10)
"""So long after the controller's last write it is taken to be at work. It writes at least each three minutes (its refresh)."""


def holder(resource: Mapping[str, Any], now: datetime) -> str:
    """Why an Application resource is Argo CD's, in a sentence that says until when; empty where it is not.

    What counts is the controller's own entry in managedFields: the `argocd` command and its server write under other names, and
    a status that was handed over is left alone by it.
    """
    last = max(_writes(resource["metadata"].get("managedFields") or ()), default=None)
    if last is None or now - last >= FRESH:
        return ""
    return (
        f"Argo CD reconciles it: its controller wrote the status at {last:%H:%M:%S} UTC; stop it for this application, "
        f"and it is taken over at {last + FRESH:%H:%M:%S}"
    )


def _writes(entries: Any) -> Iterator[datetime]:
    for entry in entries:
        if entry.get("manager") == CONTROLLER and "f:status" in (entry.get("fieldsV1") or {}) and entry.get("time"):
            yield datetime.fromisoformat(entry["time"])
