"""Taking fields over from the managers of earlier tools, so that a field removed from Git goes away live as well.

Server-side apply removes a field only where its last owner was us. Fields that an earlier tool wrote keep that tool as an
owner for ever, so its entries in managedFields are merged into ours before the first forced apply (merely removing them would
leave their fields to nobody). `takeover.json` says whose: those of `managers` always, those of `firstTime` only where we have
never applied the object, since after that they are a person's edits, and the drift of one field, not ours to own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from gitopsd.diff.judge import FieldsV1
from gitopsd.model.refs import Object

Entry = dict[str, Any]

_TABLE = json.loads((Path(__file__).parent / "takeover.json").read_text())
_ALWAYS, _FIRST_TIME = (
    {(row["manager"], operation) for row in _TABLE[part] for operation in row["operations"]} for part in ("managers", "firstTime")
)

AUTOSCALERS = frozenset({"kube-controller-manager", "keda-operator"})
"""Who may hold `spec.replicas` through the subresource `scale` against Git's wish. A person's `kubectl scale` is drift."""


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
        _unite(fields, taken)
        if stays:
            left.append({**entry, "fieldsV1": stays})
    mine = {
        **(own or {"manager": manager, "operation": "Apply", "apiVersion": obj.get("apiVersion"), "fieldsType": "FieldsV1"}),
        "fieldsV1": fields,
    }
    others = [entry for entry in entries if entry is not own and entry not in theirs]
    return [*others, *left, mine]


def scaled_by(obj: Object) -> str:
    """The autoscaler that holds `spec.replicas` through the subresource `scale`, empty where none does."""
    for entry in _entries(obj):
        holds = "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        if entry.get("subresource") == "scale" and holds and entry.get("manager") in AUTOSCALERS:
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


def _unite(fields: FieldsV1, more: Mapping[str, Any]) -> None:
    """Adds the fields of `more`. A leaf and a branch of the same name give the branch with the thing itself."""
    for name, child in more.items():
        known = fields.get(name)
        if known is None:
            fields[name] = child
        elif not known and child:
            fields[name] = {".": {}, **child}
        elif known and not child:
            known.setdefault(".", {})
        else:
            _unite(known, child)
