"""Values from the environment: `GITOPSD_SERVER__LISTEN=0.0.0.0:80` stands for `server: {listen: 0.0.0.0:80}`.

Two underscores go one level down, a number is a place in a list, and the value is read as YAML, so that whole lists can be
given too (`GITOPSD_APPLICATIONS=[{file: /apps/*.yaml}]`). A section as a whole can't: GITOPSD_SERVER is where commands find
the daemon. Of names without two underscores only the configuration's own count, since Kubernetes invents others after
Services (`GITOPSD_PORT`); of those with, an unknown one is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitopsd.config.documents import Document, Path, did_you_mean, read_documents
from gitopsd.config.validate import names_at
from gitopsd.model.errors import ConfigError, Place

PREFIX = "GITOPSD_"


def with_environment(document: Document, environment: Mapping[str, str], schema: dict[str, Any]) -> Document:
    """The document with the environment's values in place of its own; raises ConfigError for a name that means nothing."""
    value, sources = document.value, dict(document.sources)
    for name in sorted(environment):
        if not name.startswith(PREFIX):
            continue
        path = _path(name, schema)
        if path is not None:
            value = _put(value, path, _read(name, environment[name]), name)
            sources[path] = name
    return replace(document, value=value, sources=sources)


def _path(name: str, schema: dict[str, Any]) -> Path | None:
    """The way to the field that a variable names, None where it is not about the configuration."""
    words = name.removeprefix(PREFIX).split("__")
    path: Path = ()
    for word in words:
        if word.isdecimal():
            path = (*path, int(word))
            continue
        known = {field.lower(): field for field in names_at(schema, path)}
        field = known.get(word.replace("_", "").lower())
        if field is None:
            if len(words) == 1:
                return None
            raise ConfigError(f"names no field of the configuration{did_you_mean(word, list(known))}", Place(name))
        path = (*path, field)
    is_section = bool(names_at(schema, path))
    if is_section and len(words) > 1:
        raise ConfigError("names a whole section: name a field of it, after two more underscores", Place(name))
    return None if is_section else path


def _read(name: str, text: str) -> Any:
    documents = read_documents(text.encode("utf-8", "replace"), name)
    return documents[0].value if documents else text


def _put(value: Any, path: Path, new: Any, name: str) -> Any:
    """`value` with `new` at `path`; nothing is changed in place."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        mapping = value if isinstance(value, dict) else {}
        return {**mapping, step: _put(mapping.get(step), rest, new, name)}
    items = list(value) if isinstance(value, list) else []
    if step > len(items):
        raise ConfigError(f"names item {step} of a list that has {len(items)}", Place(name))
    items[step : step + 1] = [_put(items[step] if step < len(items) else None, rest, new, name)]
    return items
