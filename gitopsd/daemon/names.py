"""Names of applications as people write them."""

from __future__ import annotations

from collections.abc import Iterable

from gitopsd.model.app import AppKey


def named(name: str, known: Iterable[AppKey]) -> AppKey | str:
    """The application called `name` or `namespace/name`, or why it is not clear which that is."""
    namespace, _, bare = name.rpartition("/")
    found = [key for key in known if key.name == bare and namespace in ("", key.namespace)]
    if len(found) == 1:
        return found[0]
    if found:
        choices = " or ".join(str(key) for key in sorted(found))
        return f"{len(found)} applications are called {bare}: say {choices}"
    return f"no application is called {name}; `gitopsd status` lists those there are"
