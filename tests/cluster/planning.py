"""Plans as the preflight gives them, made by the pure stages from manifests and carried out without their policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gitopsd.cluster import Clusters
from gitopsd.diff.compare import compare
from gitopsd.diff.mask import keyed_mask
from gitopsd.model.app import App, IgnoreDifference
from gitopsd.model.plan import Plan
from gitopsd.model.record import Trigger, TriggerKind
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.plan.make import Asked, make_plan
from gitopsd.plan.qualify import Marking, qualify
from gitopsd.preflight import Preflight
from tests.cluster.world import IDENTITY
from tests.waiting import until

MARKING = Marking(IDENTITY.installation, IDENTITY.namespace)


def ignoring(app: App, *options: str, **parts: Any) -> App:
    """The application with one rule for Deployments, and these sync options."""
    rule = IgnoreDifference("Deploy*", "apps", **parts)
    policy = replace(app.spec.sync_policy, sync_options=options)
    return replace(app, spec=replace(app.spec, ignore_differences=(rule,), sync_policy=policy))


def annotated(manifest: Object, **annotations: str) -> Object:
    """The manifest with annotations under gitopsd.dev/."""
    found = {f"gitopsd.dev/{name}": value for name, value in annotations.items()}
    return manifest | {"metadata": manifest["metadata"] | {"annotations": found}}


async def planned(port: Clusters, app: App, *manifests: Object, force: bool = False) -> Plan:
    """The plan as the preflight gives it."""
    desired = qualify(manifests, await port.surface(app), app, MARKING)
    inventory = await port.inventory(app)
    live = await port.observe(app, desired, inventory)
    asked = Asked.of(app, Trigger(TriggerKind.MANUAL, force=force), IDENTITY.installation)
    plan = make_plan(app, desired, compare(desired, live), inventory, asked)
    return await Preflight(port, IDENTITY.installation, IDENTITY.manager, keyed_mask(b"key")).check(app, plan)


async def synced(port: Clusters, app: App, *manifests: Object, force: bool = False) -> Plan:
    """The plan, carried out."""
    plan = await planned(port, app, *manifests, force=force)
    assert plan.refusals == (), [str(refusal) for refusal in plan.refusals]
    for step in plan.steps:
        await port.write(app, step)
    return plan


def refused(plan: Plan) -> str:
    """Why the only object is refused."""
    (refusal,) = plan.refusals
    return str(refusal)


async def seen(port: Clusters, live: Object) -> None:
    """Returns when the watch has told of this state of an object, or of a later one."""
    ref, version = ObjectRef.of(live), int(live["metadata"]["resourceVersion"])
    store = port._clusters["local"]._store
    await until(lambda: (known := store.find(ref)) is not None and known.version >= version)
