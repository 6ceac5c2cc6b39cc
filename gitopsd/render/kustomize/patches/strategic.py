"""Strategic merge patches, exactly as kustomize applies them.

kustomize walks the target together with the patch, fields that the patch does not name included. Maps merge field by field,
lists that the schema declares merge by their keys, everything else is replaced; a null in the patch deletes; `$patch` in a
map or as an item of a merging list says `delete`, `replace` or `merge`. A scalar over a quoted string becomes a string. What
the API server knows beyond that (`$retainKeys`, `$setElementOrder`, `$deleteFromPrimitiveList`) kustomize takes for ordinary
fields, and so do we: its users would see their manifests change otherwise.

Values are never mutated: an unchanged subtree is returned as the very same object.
"""

from __future__ import annotations

from typing import Any

from gitopsd.formats.scalars import Sparse, text_of
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.patches.associative import merge_items
from gitopsd.render.kustomize.patches.schema import ANY_FIELD, ListType, MapType, Schema
from gitopsd.render.kustomize.patches.values import DIRECTIVE, MISSING, directive, kind_of, without
from gitopsd.render.kustomize.quotes import was_quoted

_UNTYPED: MapType = {}


def strategic_merge(target: dict[str, Any], patch: dict[str, Any], schema: Schema | None = None) -> dict[str, Any] | None:
    """`target` with `patch` merged into it; None if the patch deletes it.

    Without a schema no list merges. Raises RenderError where target and patch hold different kinds of values at one path, or a
    `$patch` is unknown; the message names the path.
    """
    if directive(patch) == "replace":
        return target  # kustomize drops what would replace the object itself
    merged = Merge(schema or Schema({})).walk(target, patch, None)
    return None if merged is MISSING else merged


class Merge:
    """One walk; `path` is where it stands, for errors."""

    def __init__(self, schema: Schema) -> None:
        """`schema` finds the types of the object, and of objects inside objects of unknown kinds."""
        self._schema = schema
        self.path: list[str] = []

    def walk(self, target: Any, patch: Any, known: MapType | ListType | None) -> Any:
        """The merged value, MISSING where nothing is left. `known` is the type, if the parent's type is known."""
        kind = kind_of(target) or kind_of(patch)
        if kind is None:
            return self._nothing(target, patch)
        if (other := kind_of(patch)) not in {None, kind}:
            raise self.error(f"the patch has a {other}, but the object a {kind}")
        if kind == "mapping":
            if known is None:
                known = self._schema.type_of(target) or self._schema.type_of(patch)
            return self._mapping(target, patch, None if isinstance(known, ListType) else known)
        if kind == "list" and isinstance(known, ListType):
            return self._list(target, patch, known)
        if patch is MISSING:
            return target
        if patch is None:
            return MISSING
        return text_of(patch) if kind == "scalar" and was_quoted(target) else patch

    @staticmethod
    def _nothing(target: Any, patch: Any) -> Any:
        """Null meets nothing: it stays where the patch does not name it, and a null in the patch deletes."""
        return target if patch is MISSING else MISSING

    def _mapping(self, target: Any, patch: Any, known: MapType | None) -> Any:
        if patch is None:
            return MISSING
        fresh = kind_of(target) is None
        verb = directive(patch)
        if verb == "delete":
            return MISSING
        whole = fresh or target is patch or verb == "replace"
        if verb in {"replace", "merge"}:
            patch = without(patch, DIRECTIVE)
        elif verb and not fresh:
            raise self.error(f"unknown patch strategy {verb!r}")
        return self._fields(patch if whole else target, patch, known)

    def _fields(self, target: dict[str, Any], patch: Any, known: MapType | None) -> dict[str, Any]:
        """Walks all fields; where target and patch are the same object, that is new content which the walk only cleans."""
        changed: dict[str, Any] = {}
        removed: list[str] = []
        patched = patch if isinstance(patch, dict) else {}
        names = target if target is patch else {**target, **patched}
        blank = target.blank if isinstance(target, Sparse) else ()
        for name in names:
            old = MISSING if name in blank else target.get(name, MISSING)
            self.path.append(name)
            new = self.walk(old, patched.get(name, MISSING), _field(known, name))
            self.path.pop()
            if new is MISSING:
                removed.append(name)
            elif new is not old:
                changed[name] = new
        if not changed and not any(name in target for name in removed):
            return target
        merged = {**target, **changed}
        for name in removed:
            merged.pop(name, None)
        return merged

    def _list(self, target: Any, patch: Any, known: ListType) -> Any:
        if patch is None:
            return MISSING
        whole = target is None or target is MISSING or target is patch
        if isinstance(target, list) and patch is not MISSING:
            verb, patch = self._list_directive(patch)
            if verb == "delete":
                return MISSING
            whole = whole or verb == "replace"
        return merge_items(self, patch if whole else target, patch, known)

    def _list_directive(self, patch: list[Any]) -> tuple[str, list[Any]]:
        """An item that holds nothing but `$patch` speaks for its list; the first item with a `$patch` decides whether it does."""
        first = next((item for item in patch if directive(item)), None)
        if first is None or len(first) > 1:
            return "", patch
        verb = directive(first)
        if verb not in {"delete", "replace", "merge"}:
            raise self.error(f"unknown patch strategy {verb!r}")
        return verb, [item for item in patch if item and directive(item) != verb]

    def error(self, message: str) -> RenderError:
        """An error at the place where the walk stands."""
        return RenderError(f"{'.'.join(self.path)}: {message}" if self.path else message)


def _field(known: MapType | None, name: str) -> MapType | ListType | None:
    if known is None:
        return None
    return known.get(name) or known.get(ANY_FIELD) or _UNTYPED
