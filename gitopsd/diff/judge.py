"""The judge of "is it in sync?": what is kept of a server's answer, and when two answers are the same (design, section 6).

Comparing desired with live field by field is wrong both ways: it cries drift where the server normalises, and misses a field
that another manager took. So what counts is the server's own word: the set of fields that it says we applied
(`managedFields`, entry of our Apply, as `fieldsV1`), and the live values of exactly these fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

from gitopsd.diff.fieldsets import FieldsV1, applied_fields, cut, is_item
from gitopsd.diff.ignore import ignored_places, without
from gitopsd.model.app import IgnoreDifference
from gitopsd.model.refs import Object

_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")
"""The metadata that a writer decides; the rest is the server's own."""


def project(value: Any, fields: FieldsV1) -> Any:
    """The part of `value` that `fields` names.

    A leaf takes its whole value. Of a list, keyed items keep their live order, and set members count by membership alone.
    What is named but not there is left out.
    """
    inner = {name: child for name, child in fields.items() if name != "."}
    if not inner:
        return value
    if isinstance(value, dict):
        return {name[2:]: project(value[name[2:]], child) for name, child in inner.items() if name[2:] in value}
    if isinstance(value, list):
        return _project_list(value, inner)
    return value


def _project_list(items: list[Any], fields: FieldsV1) -> list[Any]:
    keyed = [(orjson.loads(name[2:]), child) for name, child in fields.items() if name.startswith("k:")]
    members = {name[2:] for name in fields if name.startswith("v:")}
    indexed = [(int(name[2:]), child) for name, child in fields.items() if name.startswith("i:")]
    found = [project(item, child) for item in items for key, child in keyed if is_item(item, key)]
    found += sorted(text for item in items if (text := orjson.dumps(item).decode()) in members)
    return found + [project(items[index], child) for index, child in indexed if index < len(items)]


def digest(value: Any) -> str:
    """A short digest of JSON, the same however its keys are ordered."""
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def fields_digest(fields: FieldsV1 | None) -> str:
    """The digest of a field set; empty where there is none."""
    return "" if fields is None else digest(fields)


def unchanged(before: Object, after: Object, manager: str, rules: Iterable[IgnoreDifference] = ()) -> bool:
    """Whether a write that makes `after` of `before` would change nothing that counts.

    Compared are content, labels, annotations, finalizers, owners, and our own field set, without the fields that `rules` ignore.
    Status, and what the server counts for itself (generation, resourceVersion, times), is not. Raises JqError.
    """
    return _judged(before, before, manager, rules) == _judged(after, before, manager, rules)


def same_content(before: Object, after: Object, rules: Iterable[IgnoreDifference] = ()) -> bool:
    """Likewise, whoever holds the fields: for what is replaced, and never applied. Raises JqError."""
    one, other = (_content(without(obj, ignored_places(obj, rules, before))) for obj in (before, after))
    return digest(one) == digest(other)


def _judged(obj: Object, live: Object, manager: str, rules: Iterable[IgnoreDifference]) -> str:
    ignored = ignored_places(obj, rules, live)
    fields = applied_fields(obj, manager)
    return digest([_content(without(obj, ignored)), fields and cut(fields, obj, ignored)])


def _content(obj: Object) -> Object:
    metadata = obj.get("metadata") or {}
    content = {key: value for key, value in obj.items() if key not in ("status", "metadata")}
    return content | {"metadata": {key: metadata[key] for key in _METADATA if metadata.get(key)}}
