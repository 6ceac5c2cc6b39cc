"""How Argo CD's controller writes small things."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gitopsd.model.app import App

MAX_MESSAGE = 1024
"""Characters of a message: an object has at most some 1.5 MB in etcd, and the whole stands in the history."""


def moment(time: datetime) -> str:
    """As Kubernetes writes times, in seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def revisions(app: App, commits: tuple[str, ...]) -> dict[str, Any]:
    """`revision`, or `revisions` where the application has several sources; nothing where no commit is known."""
    if not commits:
        return {}
    return {"revision": commits[0]} if app.spec.source else {"revisions": list(commits)}


def without_empty(document: Mapping[str, Any]) -> dict[str, Any]:
    """As Go leaves out what is empty."""
    return {name: value for name, value in document.items() if value not in ("", None, {}, [])}
