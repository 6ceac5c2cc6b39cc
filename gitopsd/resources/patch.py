"""JSON merge patches (RFC 7396): from what is there to what should be. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge_patch(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What makes each field of `live` that `wanted` names what it is there; empty where they all are.

    Fields that `wanted` does not name are left alone, None takes one away, a mapping replaces the whole that was there.
    """
    return {
        name: _replacing(live[name], value) if isinstance(live.get(name), dict) and isinstance(value, dict) else value
        for name, value in wanted.items()
        if live.get(name) != value
    }


def _replacing(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return merge_patch(live, dict.fromkeys(live) | dict(wanted))
