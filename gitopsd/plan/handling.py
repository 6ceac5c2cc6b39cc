"""How an object asks to be compared and written: its own annotations, over its application's sync options and settings."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from gitopsd.model.app import App, IgnoreDifference
from gitopsd.model.plan import Conflicts, Handling
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.plan.annotations import OWN, annotations_of, sync_options
from gitopsd.plan.pruning import LOSES_DATA


def handling_of(manifest: Object, ref: ObjectRef, app: App) -> Handling:
    """Argo CD's words where it has some, the object's before the application's. Raises ValueError where a word is none."""
    own, said = sync_options(manifest), annotations_of(manifest)

    def asks(option: str, default: str = "") -> bool:
        return own.get(option, app.option(option, default)) == "true"

    replace, force = asks("Replace"), asks("Force")
    allowed = (own.get(option) == "true" if ref.group_kind in LOSES_DATA else asks(option) for option in ("Replace", "Force"))
    return Handling(
        ignores=rules_for(ref, app.spec.ignore_differences),
        respect=asks("RespectIgnoreDifferences"),
        conflicts=_conflicts(said.get(f"{OWN}conflicts", app.settings.conflicts)),
        replace=replace,
        force=force,
        recreate=any(allowed) or said.get(f"{OWN}recreate") == "true",
        validate=asks("Validate", "true"),
        untried=asks("SkipDryRunOnMissingResource"),
    )


def rules_for(ref: ObjectRef, rules: Iterable[IgnoreDifference]) -> tuple[IgnoreDifference, ...]:
    """The rules that are for an object: group and kind may have `*`, an empty name or namespace means all."""
    return tuple(
        rule
        for rule in rules
        if _fits(ref.kind, rule.kind)
        and _fits(ref.group, rule.group)
        and rule.name in ("", ref.name)
        and rule.namespace in ("", ref.namespace)
    )


_fits = lru_cache(4096)(fnmatchcase)  # the same few kinds and rules, for each object of each application


def _conflicts(word: str) -> Conflicts:
    try:
        return Conflicts(word)
    except ValueError:
        raise ValueError(f'annotation {OWN}conflicts: "{word}" is none of {", ".join(Conflicts)}') from None
