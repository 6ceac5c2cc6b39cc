"""Hooks in a plan: a step for each phase, what is sent for it, and what becomes of its object afterwards (Argo CD's rules)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from gitopsd.model.health import HealthStatus
from gitopsd.model.hooks import HOOK_FINALIZER, HookPolicy, SyncPhase
from gitopsd.model.marks import OWNER_ANNOTATION, Mark
from gitopsd.model.plan import Action, Desired, Live, Refusal, Step
from gitopsd.model.refs import Object


def hook_steps(desired: Desired, live: Live | None, phases: Iterable[SyncPhase], run: str) -> tuple[Step, ...]:
    """The steps of a hook in those of `phases` that it asks for. `run` completes a generated name: another one for each run."""
    own = desired.hook.phases if desired.hook else ()
    return tuple(_step(desired, live, phase, run) for phase in phases if phase in own)


def _step(desired: Desired, live: Live | None, phase: SyncPhase, run: str) -> Step:
    if desired.generate_name:
        desired = _named(desired, f"{desired.generate_name}{run}-{phase.lower()}")
    return Step(desired.ref, Action.HOOK, f"{phase} hook", desired, live, phase=phase)


def _named(desired: Desired, name: str) -> Desired:
    """The hook under the name of this run, its mark too; the digest stays that of what Git says."""
    ref = desired.ref._replace(name=name)
    manifest: Object = json.loads(desired.body)
    metadata = manifest["metadata"] | {"name": name}
    annotations = metadata["annotations"]
    if mark := Mark.parse(annotations.get(OWNER_ANNOTATION, "")):
        metadata["annotations"] = annotations | {OWNER_ANNOTATION: str(replace(mark, ref=ref))}
    return replace(desired, ref=ref, body=_body(manifest | {"metadata": metadata}))


def _body(manifest: Object) -> bytes:
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def taken(live: Live, mine: Mark) -> Refusal | None:
    """Why a hook can't run under its name: what is there is not its own earlier run, which alone may be replaced."""
    if live.mark == mine:
        return None
    how = "delete it, or rename the hook"
    return Refusal(live.ref, "HookNameTaken", f"it exists and is no earlier run of this hook, which would replace it; {how}")


def as_sent(step: Step) -> Step:
    """A step as the cluster gets it. A hook is made, made anew, or applied over its earlier run, and held by its finalizer."""
    if step.action is not Action.HOOK or step.desired is None or step.desired.hook is None:
        return step
    again = Action.RECREATE if HookPolicy.BEFORE_HOOK_CREATION in step.desired.hook.policies else Action.CONFIGURE
    manifest: Object = json.loads(step.desired.body)
    metadata = manifest["metadata"]
    held = metadata | {"finalizers": [*metadata.get("finalizers", ()), HOOK_FINALIZER]}
    desired = replace(step.desired, body=_body(manifest | {"metadata": held}))
    return replace(step, action=again if step.live else Action.CREATE, desired=desired)


def released(step: Step, live: Live | None) -> Step:
    """The step that lets go of a hook that has run: its object as Git has it, without the finalizer."""
    return Step(step.ref, Action.CONFIGURE, "the hook has run", step.desired, live)


def is_deleted_after(step: Step, status: HealthStatus | None) -> bool:
    """Whether a hook's object goes now that its health is this; one that has not run to its end stays."""
    policies = step.desired.hook.policies if step.desired and step.desired.hook else frozenset()
    return status in _DELETED_WHEN and _DELETED_WHEN[status] in policies


_DELETED_WHEN: dict[HealthStatus | None, HookPolicy] = {
    HealthStatus.HEALTHY: HookPolicy.HOOK_SUCCEEDED,
    HealthStatus.DEGRADED: HookPolicy.HOOK_FAILED,
}
