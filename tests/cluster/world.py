"""What the tests of the cluster port share: applications, manifests, and what a daemon would do with them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from gitopsd.cluster import ClusterConfig, Clusters, Identity, Listener
from gitopsd.cluster.inventory_codec import parent_ref
from gitopsd.model.app import App, AppKey, AppSpec, Destination, SyncPolicy
from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL, Mark, applyset_id
from gitopsd.model.plan import Action, Desired, DesiredSet, Inventory, Live, Member, Step
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.ports import ClusterPort, ReceiptBook, Trial, Written
from localcluster import LocalCluster

IDENTITY = Identity(installation="test")


def application(name: str = "web", namespace: str = "argocd", *options: str, destination: str = "local") -> App:
    """An application whose objects go to the local cluster."""
    return App(AppKey(namespace, name), AppSpec(Destination(name=destination), sync_policy=SyncPolicy(sync_options=options)))


def marked(app: App, manifest: Object, identity: Identity = IDENTITY) -> Desired:
    """The manifest as `qualify` would give it: with our marks."""
    ref = ObjectRef.of(manifest)
    metadata = manifest["metadata"]
    labels = {**metadata.get("labels", {}), PART_OF_LABEL: applyset_id(parent_ref(identity, app.key))}
    annotations = {**metadata.get("annotations", {}), OWNER_ANNOTATION: str(Mark(identity.installation, app.key, ref))}
    return unmarked({**manifest, "metadata": {**metadata, "labels": labels, "annotations": annotations}}, is_marked=True)


def unmarked(manifest: Object, *, is_marked: bool = False) -> Desired:
    """The manifest as it stands."""
    body = json.dumps(manifest, separators=(",", ":")).encode()
    digest = hashlib.sha256(body).hexdigest()
    return Desired(ObjectRef.of(manifest), manifest["apiVersion"], body, digest, marked=is_marked)


def wanted(*objects: Desired) -> DesiredSet:
    """The set of all of them."""
    return DesiredSet(objects, hashlib.sha256(b"".join(one.body for one in objects)).hexdigest())


def config_map(namespace: str, name: str = "settings", **data: str) -> Object:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def deployment(namespace: str, name: str = "api", replicas: int | None = 2, **container: Any) -> Object:
    """A Deployment of one container."""
    labels = {"app": name}
    spec: Object = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "app", "image": "example.test/app:1", **container}]},
        },
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def service(namespace: str, name: str = "api") -> Object:
    """A Service."""
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def secret(namespace: str, name: str = "login", **data: str) -> Object:
    """A Secret; `data` is base64 as it stands."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}


@dataclass(slots=True)
class Heard:
    """A listener that remembers."""

    requests: list[tuple[str, int]] = field(default_factory=list)
    changes: list[tuple[AppKey, ObjectRef]] = field(default_factory=list)
    connections: list[tuple[bool, str]] = field(default_factory=list)

    @property
    def listener(self) -> Listener:
        return Listener(
            on_change=lambda app, ref: self.changes.append((app, ref)),
            on_connection=lambda _, ok, message: self.connections.append((ok, message)),
            on_request=lambda _, verb, code: self.requests.append((verb, code)),
        )

    def asked(self) -> list[tuple[str, int]]:
        """The requests since the last time, watches aside."""
        requests = [request for request in self.requests if request[0] != "watch"]
        self.requests.clear()
        return requests


@dataclass(slots=True)
class Synced:
    """What one pass did."""

    trials: dict[ObjectRef, Trial] = field(default_factory=dict)
    written: dict[ObjectRef, Written] = field(default_factory=dict)
    live: dict[ObjectRef, Live] = field(default_factory=dict)


async def sync(port: ClusterPort, app: App, *objects: Desired, prune: bool = True) -> Synced:
    """A plain pass: observe, dry-run, remember, write, prune, remember; as `reconcile` does, without its policies."""
    done = Synced()
    await port.surface(app)
    inventory = await port.inventory(app)
    done.live = dict(await port.observe(app, wanted(*objects), inventory))
    steps = [step for one in objects if (step := _step(one, done.live.get(one.ref)))]
    known = {one.ref for one in objects}
    leaving = (live for ref, live in done.live.items() if ref not in known and live.mark)
    steps += [Step(live.ref, Action.PRUNE, "", live=live) for live in leaving if prune]
    due: list[Step] = []
    for planned in steps:
        step, trial = planned, await port.dry_run(app, planned)
        if trial.existing is not None:
            step = Step(step.ref, Action.CONFIGURE, "", step.desired, trial.existing)
            trial = await port.dry_run(app, step)
        done.trials[step.ref] = trial
        if not trial.unchanged:
            due.append(replace(step, body=trial.body))
    union = inventory | Inventory({one.ref: Member(one.ref, one.api_version) for one in objects if one.marked})
    await port.remember(app, union)
    pruned: set[ObjectRef] = set()
    for step in due:
        done.written[step.ref] = written = await port.write(app, step)
        if step.action is Action.PRUNE:
            pruned.add(step.ref)
        elif step.desired and step.desired.marked:
            union |= Inventory({step.ref: Member(step.ref, step.desired.api_version, written.uid)})
    await port.remember(app, union.without(frozenset(pruned)))
    return done


def _step(want: Desired, live: Live | None) -> Step | None:
    if live is None:
        return Step(want.ref, Action.CREATE, "", want)
    return None if live.in_sync else Step(want.ref, Action.CONFIGURE, "", want, live)


def clusters(
    cluster: LocalCluster, heard: Heard | None = None, identity: Identity = IDENTITY, book: ReceiptBook | None = None
) -> Clusters:
    """The port under test, for the local cluster under the name `local`."""
    config = ClusterConfig("local", "https://kubernetes.default.svc", kubeconfig=str(cluster.kubeconfig))
    return Clusters([config], identity, heard.listener if heard else None, book)
