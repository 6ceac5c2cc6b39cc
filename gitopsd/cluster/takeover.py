"""Taking fields over from the managers of earlier tools, so that a field removed from Git goes away live as well.

Server-side apply removes a field only where its last owner was us. Fields that an earlier tool wrote keep that tool as an
owner for ever, so its entries in managedFields are merged into ours before the first forced apply (merely removing them would
leave their fields to nobody). `takeover.json` says whose: those of `managers` always, those of `firstTime` only where we have
never applied the object, since after that they are a person's edits, and the drift of one field, not ours to own.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from gitopsd.diff.fieldsets import FieldsV1, applied_fields, others_fields, places_of, subtract, unite
from gitopsd.diff.ignore import without
from gitopsd.model.refs import Object

Entry = dict[str, Any]

_TABLE = json.loads((Path(__file__).parent / "takeover.json").read_text())
_ALWAYS, _FIRST_TIME = (
    {(row["manager"], operation) for row in _TABLE[part] for operation in row["operations"]} for part in ("managers", "firstTime")
)

HANDS = frozenset({"kubectl", "k9s", "node-fetch", "dashboard", "Mozilla"})
"""Whose `scale` is a person's, and drift. Any other program that holds `spec.replicas` through that subresource keeps them."""


def earlier(obj: Object, manager: str) -> list[Entry]:
    """The entries of managedFields that are to be merged into `manager`'s own."""
    entries = _entries(obj)
    applied = any(_is_own(entry, manager) for entry in entries)
    wanted = _ALWAYS if applied else _ALWAYS | _FIRST_TIME
    return [
        entry
        for entry in entries
        if not entry.get("subresource")
        and not _is_own(entry, manager)
        and ((_who(entry) in wanted) or entry.get("manager") == manager)
    ]


def merged(obj: Object, manager: str, *, keep_replicas: bool) -> list[Entry] | None:
    """The managedFields of `obj` with the earlier entries merged into `manager`'s own; None where there are none.

    Status is left to its controllers; so is `spec.replicas` with `keep_replicas`: an autoscaler would find it reset to 1.
    """
    theirs = earlier(obj, manager)
    if not theirs:
        return None
    entries = _entries(obj)
    own = next((entry for entry in entries if _is_own(entry, manager)), None)
    fields: FieldsV1 = deepcopy(own["fieldsV1"]) if own else {}
    left: list[Entry] = []
    for entry in theirs:
        taken = deepcopy(entry.get("fieldsV1") or {})
        stays = _cut(taken, keep_replicas=keep_replicas)
        fields = unite(fields, taken)
        if stays:
            left.append({**entry, "fieldsV1": stays})
    mine = {
        **(own or {"manager": manager, "operation": "Apply", "apiVersion": obj.get("apiVersion"), "fieldsType": "FieldsV1"}),
        "fieldsV1": fields,
    }
    others = [entry for entry in entries if entry is not own and entry not in theirs]
    return [*others, *left, mine]


def taken(obj: Object, manager: str, *, keep_replicas: bool) -> Object:
    """`obj` as it is once the earlier managers' fields are `manager`'s."""
    entries = merged(obj, manager, keep_replicas=keep_replicas)
    return obj if entries is None else {**obj, "metadata": {**obj["metadata"], "managedFields": entries}}


def foretold(live: Object, after: Object, manager: str) -> Object | None:
    """`after`, a dry run's answer on an object not yet taken over, without the fields that go away with the take-over.

    `live` is the object as `taken` gives it. None where no field goes.
    """
    lost = subtract(applied_fields(live, manager) or {}, applied_fields(after, manager) or {})
    for fields in others_fields(live, manager):
        lost = subtract(lost, fields)
    return without(after, frozenset(places_of(lost, after, whole=True))) if lost else None


def scaled_by(obj: Object) -> str:
    """The program that holds `spec.replicas` through the subresource `scale`, empty where none does."""
    for entry in _entries(obj):
        holds = "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        if entry.get("subresource") == "scale" and holds and entry.get("manager") not in HANDS:
            return str(entry["manager"])
    return ""


def _entries(obj: Object) -> list[Entry]:
    return [entry for entry in (obj.get("metadata") or {}).get("managedFields") or () if isinstance(entry, dict)]


def _is_own(entry: Entry, manager: str) -> bool:
    return _who(entry) == (manager, "Apply") and not entry.get("subresource")


def _who(entry: Entry) -> tuple[str, str]:
    return str(entry.get("manager")), str(entry.get("operation"))


def _cut(fields: FieldsV1, *, keep_replicas: bool) -> FieldsV1:
    """Cuts what is not to be taken out of `fields`, and returns it."""
    cut: FieldsV1 = {}
    if (status := fields.pop("f:status", None)) is not None:
        cut["f:status"] = status
    spec = fields.get("f:spec")
    if keep_replicas and isinstance(spec, dict) and (replicas := spec.pop("f:replicas", None)) is not None:
        cut["f:spec"] = {"f:replicas": replicas}
    return cut
