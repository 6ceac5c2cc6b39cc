"""Paths to fields, as people read them."""

from __future__ import annotations

from typing import Any

Path = tuple[str | int, ...]
"""Steps into an object: keys, for items of lists their identity (`[name=app]`) or else their index."""

_IDENTITIES = ("name", "containerPort", "port", "key", "mountPath", "topologyKey", "ip", "type", "uid")
"""What tells the items of a list of objects apart, in order of preference: the merge keys of the built-in kinds."""


def render_path(path: Path) -> str:
    """As people write it: `spec.template.spec.containers[name=app].image`; odd keys are quoted: `data["tls.crt"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif item_identity(step):
            text += step
        elif step and all(char.isalnum() or char in "_-" for char in step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def item_step(key: str, value: object) -> str:
    """The step to the item of a list whose `key` is `value`."""
    return f"[{key}={value}]"


def item_identity(step: str | int) -> tuple[str, str] | None:
    """Key and value of such a step, None for any other."""
    if isinstance(step, int) or not (step.startswith("[") and step.endswith("]") and "=" in step):
        return None
    key, _, value = step[1:-1].partition("=")
    return key, value


def list_identity(*lists: list[Any]) -> str | None:
    """The key that tells apart the items of each of several versions of a list; None if they have none in common."""
    if not all(isinstance(item, dict) for items in lists for item in items):
        return None
    for key in _IDENTITIES:
        values = [[item.get(key) for item in items] for items in lists]
        if all(isinstance(value, str | int) for one in values for value in one) and all(len(set(v)) == len(v) for v in values):
            return key
    return None
