"""Paths to fields, as people read them."""

from __future__ import annotations

Path = tuple[str | int, ...]
"""Steps into an object: keys, for items of lists their identity (`[name=app]`) or else their index."""


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
