"""Which applications need each other."""

from __future__ import annotations

from dataclasses import replace

from gitopsd.daemon.dependencies import Dependencies
from gitopsd.model.app import App, AppKey
from tests.plan.builders import app


def needing(**needs: str) -> dict[AppKey, App]:
    """Applications by name, and what each needs."""
    key = {name: AppKey("argocd", name) for name in needs}
    return {
        key[n]: replace(app(), key=key[n], settings=replace(app().settings, depends_on=tuple(d.split())))
        for n, d in needs.items()
    }


def test_who_needs_each_other_goes_together() -> None:
    """However far around, and in circles too; who needs nobody, and whom nobody needs, goes where it likes."""
    dependencies = Dependencies()
    dependencies.declare(needing(web="api", api="db", db="", cron="db", one="two", two="one", alone=""))
    groups: dict[str, set[str]] = {}
    for key, first in dependencies.together.items():
        groups.setdefault(first.name, set()).add(key.name)
    assert groups == {"api": {"web", "api", "db", "cron"}, "one": {"one", "two"}}
