"""Which failed dry runs may wait: those that lack what an earlier step of the same plan makes (invariant 1)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Action, Step
from gitopsd.model.refs import Object, ObjectRef

_MISSING = re.compile(
    r'(?:namespaces|roles\.\S+|clusterroles\.\S+|\S*class(?:es)?\.\S+|serviceaccounts?) "([^"]+)" not found'
    r"|service account \S*?/(\S+) was not found"
    r'|serviceaccount "?([^" ]+)"? not found',
    re.IGNORECASE,
)
"""How the server names what it lacks: `namespaces "web" not found`, `error looking up service account web/app: ...`."""

_PROVIDERS = frozenset(
    {
        "Namespace",
        "Role",
        "ClusterRole",
        "ServiceAccount",
        "StorageClass",
        "PriorityClass",
        "IngressClass",
        "RuntimeClass",
        "GatewayClass",
    }
)


def lacking(step: Step, error: ObjectError | None, steps: Iterable[Step]) -> ObjectRef | None:
    """The object that `step` needs and an earlier step of the plan creates, or None where the failure stands.

    Without an `error` only the kind itself is looked at: one whose CustomResourceDefinition is still to be created can't even
    be asked about.
    """
    created = {s.ref: s for s in steps if s.action in (Action.CREATE, Action.HOOK) and s.ref != step.ref}
    if definition := _definition(step.ref, created.values()):
        return definition
    if error is None:
        return None
    namespace = ObjectRef("", "Namespace", "", step.ref.namespace)
    if namespace in created and error.reason == "NotFound":
        return namespace
    if (role := _role(step)) in created and error.reason == "NotFound":
        return role  # the server's 404 names the binding, and means the role
    match = _MISSING.search(error.message)
    name = next((group for group in match.groups() if group), "") if match else ""
    return next((ref for ref in created if ref.name == name and ref.kind in _PROVIDERS), None)


def _role(step: Step) -> ObjectRef | None:
    """The role that a binding binds."""
    if step.desired is None or step.ref.kind not in ("RoleBinding", "ClusterRoleBinding"):
        return None
    role: Object = json.loads(step.desired.body).get("roleRef") or {}
    namespace = step.ref.namespace if role.get("kind") == "Role" else ""
    return ObjectRef(step.ref.group, str(role.get("kind")), namespace, str(role.get("name")))


def _definition(ref: ObjectRef, created: Iterable[Step]) -> ObjectRef | None:
    for candidate in created:
        if candidate.ref.kind == "CustomResourceDefinition" and candidate.desired:
            spec: Object = json.loads(candidate.desired.body).get("spec") or {}
            if spec.get("group") == ref.group and (spec.get("names") or {}).get("kind") == ref.kind:
                return candidate.ref
    return None
