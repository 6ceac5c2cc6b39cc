"""Hand-written fakes of the ports. Each passes the same contract tests (tests/contract) as the real thing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import IMMUTABLE, ClusterError, GitopsdError, ObjectError
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL, Mark
from gitopsd.model.plan import Action, Desired, DesiredSet, Inventory, Live, Step
from gitopsd.model.project import Target
from gitopsd.model.refs import GroupKind, Object, ObjectRef
from gitopsd.model.surface import Resource, Surface
from gitopsd.ports import Offspring, Trial, Written

_SERVED = (
    ("v1", "Namespace", "namespaces", False),
    ("v1", "ConfigMap", "configmaps", True),
    ("v1", "Secret", "secrets", True),
    ("v1", "Service", "services", True),
    ("v1", "ServiceAccount", "serviceaccounts", True),
    ("v1", "Pod", "pods", True),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", True),
    ("apps/v1", "Deployment", "deployments", True),
    ("apps/v1", "StatefulSet", "statefulsets", True),
    ("batch/v1", "Job", "jobs", True),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", True),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", False),
)


def fake_surface(*more: tuple[str, str, str, bool]) -> Surface:
    """A surface of some built-in kinds and of `more`: apiVersion, kind, plural, whether it is namespaced."""
    resources: dict[tuple[str, str], Resource] = {}
    for api_version, kind, plural, namespaced in (*_SERVED, *more):
        group, _, version = api_version.rpartition("/")
        verbs = frozenset({"get", "list", "watch", "patch"})
        resources[api_version, kind] = Resource(group, version, kind, plural, namespaced, verbs)
    preferred = {GroupKind(resource.group, resource.kind): resource for resource in resources.values()}
    return Surface("v1.37.2", f"surface of {len(resources)} kinds", resources, preferred)


@dataclass(slots=True)
class FakeCluster:
    """A cluster in memory, as the port shows one: a little model of the port, not of an API server.

    An apply makes the object what was sent (it knows no defaults and no field managers). `failures` are raised by the method of
    that name for that object, as long as they are there; `down` makes every call fail; `calls` are the methods called, with the
    object where there is one. `healths` overrides Healthy. `rigid` objects can't be changed in place. `others` is what is
    `elsewhere`. Nothing is ever waited for:
    `settle` answers at once.
    """

    surface_now: Surface = field(default_factory=fake_surface)
    objects: dict[ObjectRef, Object] = field(default_factory=dict)
    inventories: dict[AppKey, Inventory] = field(default_factory=dict)
    healths: dict[ObjectRef, Health] = field(default_factory=dict)
    tools: dict[ObjectRef, str] = field(default_factory=dict)
    failures: dict[tuple[str, ObjectRef], GitopsdError] = field(default_factory=dict)
    rigid: set[ObjectRef] = field(default_factory=set)
    down: str = ""
    others: dict[str, Inventory] = field(default_factory=dict)
    calls: list[tuple[str, ObjectRef | None]] = field(default_factory=list)
    _receipts: dict[ObjectRef, tuple[str, str]] = field(default_factory=dict)
    _counter: count[int] = field(default_factory=lambda: count(1))

    # --- for tests

    def put(self, *objects: Object) -> None:
        """Objects that somebody else made or changed."""
        for obj in objects:
            ref = ObjectRef.of(obj)
            old = self.objects.get(ref)
            uid = old["metadata"]["uid"] if old else f"uid-{next(self._counter)}"
            metadata = {**obj["metadata"], "uid": uid, "resourceVersion": str(next(self._counter))}
            self.objects[ref] = {**obj, "metadata": metadata}

    def called(self, *names: str) -> list[ObjectRef | None]:
        """The objects for which methods of these names were called, in order."""
        return [ref for name, ref in self.calls if name in names]

    # --- the port

    def target(self, app: App) -> Target:
        return Target("here", app.spec.destination.server)

    def elsewhere(self, app: App) -> Mapping[str, Inventory]:
        return self.others

    def doubt(self, app: App) -> str:
        return self.down and self.target(app).name

    async def surface(self, app: App, *, fresh: bool = False) -> Surface:
        self._call("surface")
        return self.surface_now

    async def inventory(self, app: App) -> Inventory:
        self._call("inventory")
        return self.inventories.get(app.key, Inventory())

    async def remember(self, app: App, inventory: Inventory, *, ahead: bool = False) -> None:
        self._call("remember")
        self.inventories[app.key] = inventory

    async def observe(self, app: App, desired: DesiredSet, inventory: Inventory) -> Mapping[ObjectRef, Live]:
        self._call("observe")
        wanted = {want.ref: want for want in desired.objects}
        refs = [ref for ref in {**wanted, **inventory.members} if ref in self.objects]
        # An unmarked object that nobody has made a note of is only found by the dry run of its creation.
        seen = [ref for ref in refs if self._is_marked(ref) or ref in inventory.members or not wanted[ref].marked]
        return {ref: self._live(ref, wanted.get(ref)) for ref in seen}

    async def read(self, app: App, ref: ObjectRef) -> Object | None:
        self._call("read", ref)
        return self.objects.get(ref)

    async def dry_run(self, app: App, step: Step) -> Trial:
        self._call("dry_run", step.ref)
        before = self.objects.get(step.ref)
        if step.action is Action.SKIP:
            return Trial(unchanged=True)
        self._guard(step, "dry-run")
        if step.action in (Action.PRUNE, Action.DETACH):
            return Trial(before=before)
        if step.action in (Action.CREATE, Action.HOOK) and before is not None:
            return Trial(existing=self._live(step.ref, None))
        after = self._after(step)
        same = before is not None and step.action is Action.CONFIGURE and _content(before) == _content(after)
        if step.ref in self.rigid and step.action is Action.CONFIGURE and not same:
            raise ObjectError(step.ref, "dry-run", IMMUTABLE, "it is invalid: data: Forbidden: field is immutable")
        if same and step.desired and before:
            self._receipts[step.ref] = (step.desired.digest, before["metadata"]["resourceVersion"])
        return Trial(before, after, same)

    async def write(self, app: App, step: Step) -> Written:
        self._call("write", step.ref)
        if step.action is Action.SKIP:
            return Written(step.live.uid if step.live else "", unchanged=True)
        self._guard(step, "delete" if step.action is Action.PRUNE else "apply")
        before = self.objects.get(step.ref)
        if step.action is Action.DETACH and before is not None:
            self.put(_unmarked(before))
            return Written(before["metadata"]["uid"])
        if step.action in (Action.PRUNE, Action.RECREATE):
            self.objects.pop(step.ref, None)
            self._receipts.pop(step.ref, None)
            if step.action is Action.PRUNE:
                return Written("")
        after = self._after(step)
        same = before is not None and step.action is not Action.RECREATE and _content(before) == _content(after)
        if not same:
            self.put(after)
        now = self.objects[step.ref]["metadata"]
        if step.desired:
            self._receipts[step.ref] = (step.desired.digest, now["resourceVersion"])
        return Written(now["uid"], unchanged=same)

    async def settle(self, app: App, refs: frozenset[ObjectRef], deadline: float) -> Mapping[ObjectRef, Health]:
        self._call("settle")
        return {ref: self._health(ref) for ref in refs}

    async def offspring(self, app: App, refs: frozenset[ObjectRef]) -> tuple[Offspring, ...]:
        self._call("offspring")
        owners = {self.objects[ref]["metadata"]["uid"]: ref for ref in refs if ref in self.objects}
        found: list[Offspring] = []
        while owners:
            generation = {}
            for ref, obj in sorted(self.objects.items()):
                for owner in obj["metadata"].get("ownerReferences") or ():
                    if owner["uid"] in owners:
                        found.append(Offspring(ref, obj["apiVersion"], owners[owner["uid"]], self._health(ref)))
                        generation[obj["metadata"]["uid"]] = ref
            owners = generation
        return tuple(found)

    async def orphans(self, app: App) -> frozenset[ObjectRef]:
        self._call("orphans")
        here = (ref for ref in self.objects if ref.namespace == app.spec.destination.namespace)
        return frozenset(ref for ref in here if not self._is_marked(ref))

    def release(self, app: App) -> None:
        self.calls.append(("release", None))

    async def forget(self, app: App) -> None:
        self._call("forget")
        if not self.inventories.get(app.key, Inventory()).members:
            self.inventories.pop(app.key, None)

    # --- how

    def _call(self, name: str, ref: ObjectRef | None = None) -> None:
        self.calls.append((name, ref))
        if self.down:
            raise ClusterError("fake", self.down)
        if ref is not None and (name, ref) in self.failures:
            raise self.failures[name, ref]

    def _guard(self, step: Step, action: str) -> None:
        """What an API server would refuse."""
        ref = step.ref
        if step.desired and self.surface_now.resource(step.desired.api_version, ref.kind) is None:
            raise ObjectError(ref, action, "NotServed", f"the cluster has no kind {ref.kind} in {step.desired.api_version}")
        namespace = ObjectRef("", "Namespace", "", ref.namespace)
        if step.desired and ref.namespace and namespace not in self.objects:
            raise ObjectError(ref, action, "NotFound", f'namespaces "{ref.namespace}" not found')
        live = self.objects.get(ref)
        if step.action is Action.CREATE or step.live is None or (live is None and step.action is Action.PRUNE):
            return
        if live is None or live["metadata"]["uid"] != step.live.uid:
            raise ObjectError(ref, action, "Replaced", "Precondition failed: UID in precondition differs")

    def _after(self, step: Step) -> Object:
        desired: Object = json.loads(step.desired.body) if step.desired else {}
        live = self.objects.get(step.ref)
        return {**desired, "status": live["status"]} if live and "status" in live else desired

    def _is_marked(self, ref: ObjectRef) -> bool:
        return Mark.of(self.objects[ref]) is not None

    def _health(self, ref: ObjectRef) -> Health:
        if ref not in self.objects:
            return Health(HealthStatus.MISSING, "not in the cluster")
        return self.healths.get(ref, Health(HealthStatus.HEALTHY))

    def _live(self, ref: ObjectRef, want: Desired | None) -> Live:
        obj = self.objects[ref]
        metadata = obj["metadata"]
        version = metadata["resourceVersion"]
        live = Live(
            ref,
            metadata["uid"],
            version,
            self._health(ref),
            in_sync=want is not None and self._receipts.get(ref) == (want.digest, version),
            deleting="deletionTimestamp" in metadata,
            mark=Mark.of(obj),
            tool=self.tools.get(ref),
            controlled=_has_controller(metadata.get("ownerReferences") or ()),
        )
        return live if live.in_sync else replace(live, object=obj)


def _unmarked(obj: Object) -> Object:
    """The object without our marks."""
    metadata = obj["metadata"]
    labels = {key: value for key, value in metadata["labels"].items() if key != PART_OF_LABEL}
    annotations = {key: value for key, value in metadata["annotations"].items() if key != OWNER_ANNOTATION}
    return obj | {"metadata": metadata | {"labels": labels, "annotations": annotations}}


def _has_controller(owners: Iterable[Mapping[str, Any]]) -> bool:
    return any(owner.get("controller") for owner in owners)


def _content(obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in ("uid", "resourceVersion")}
    return {key: value for key, value in obj.items() if key != "status"} | {"metadata": metadata}
