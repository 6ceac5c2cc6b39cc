"""How the values that mirror Argo CD's resources are written in documents."""

from __future__ import annotations

from typing import Any


def wire_name(name: str) -> str:
    """The field's name in documents: `target_revision` -> `targetRevision`, `repo_url` -> `repoURL`."""
    first, *rest = name.split("_")
    return first + "".join("URL" if word == "url" else word.capitalize() for word in rest)


STRICT: dict[str, Any] = {"alias_generator": wire_name, "extra": "forbid", "populate_by_name": False}
"""What pydantic has to know of such a value (`__pydantic_config__`): names in camel case, and no others."""
