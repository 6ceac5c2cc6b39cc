"""Paths to fields, as people read them."""

from __future__ import annotations

from typing import Any, Final

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


def is_below(field: str, other: str) -> bool:
    """Whether a field, as people write it, is `other` or a part of it; the empty text is the whole object."""
    return not other or field == other or (field.startswith(other) and field[len(other)] in ".[")


ABSENT: Final = object()
"""No value at all, which is not null."""


def find(value: Any, path: Path) -> Any:
    """What stands at a path, items of lists found by identity or index; ABSENT if nothing does."""
    for step in path:
        if isinstance(value, list):
            identity = item_identity(step)
            if identity:
                key, wanted = identity
                value = next((item for item in value if isinstance(item, dict) and str(item.get(key)) == wanted), ABSENT)
            else:
                value = value[step] if isinstance(step, int) and step < len(value) else ABSENT
        else:
            value = value.get(step, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def list_identity(*lists: list[Any]) -> str | None:
    """The key that tells apart the items of each of several versions of a list; None if they have none in common."""
    if not all(isinstance(item, dict) for items in lists for item in items):
        return None
    for key in _IDENTITIES:
        values = [[item.get(key) for item in items] for items in lists]
        if all(isinstance(value, str | int) for one in values for value in one) and all(len(set(v)) == len(v) for v in values):
            return key
    return None
