"""Helm's annotations, as Argo CD reads them."""

from __future__ import annotations

import pytest

from gitopsd.model.hooks import Hook, HookPolicy, SyncPhase
from gitopsd.model.refs import Object
from gitopsd.plan.annotations import hook, wave


def job(**annotations: str) -> Object:
    """A Job with annotations, whose names are written with `_` for what a keyword can't have."""
    named = {f"{'argocd.argoproj.io' if name in {'hook_', 'sync_wave'} else 'helm.sh'}/{name.strip('_').replace('_', '-')}": value
             for name, value in annotations.items()}  # fmt: skip
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "annotations": named}}


@pytest.mark.parametrize(
    ("word", "phases"),
    [
        ("pre-install", (SyncPhase.PRE_SYNC,)),
        ("pre-install,pre-upgrade", (SyncPhase.PRE_SYNC,)),
        ("post-upgrade, pre-upgrade", (SyncPhase.PRE_SYNC, SyncPhase.POST_SYNC)),
        ("post-install", (SyncPhase.POST_SYNC,)),
        ("pre-delete", (SyncPhase.PRE_DELETE,)),
        ("post-delete", (SyncPhase.POST_DELETE,)),
        ("test", ()),
        ("pre-rollback", ()),
    ],
)
def test_helm_hooks(word: str, phases: tuple[SyncPhase, ...]) -> None:
    """Each word has its phase; what has none is never applied."""
    assert hook(job(hook=word)) == Hook(phases)


def test_definitions_are_no_hooks() -> None:
    """`crd-install` is what Helm 2 called them."""
    assert hook(job(hook="crd-install")) is None


def test_delete_policies_and_weights() -> None:
    """Delete policies by their names in Argo CD; the weight is the wave."""
    found = hook(job(hook="post-install", hook_delete_policy="hook-succeeded,hook-failed", hook_weight="-5"))
    assert found == Hook((SyncPhase.POST_SYNC,), frozenset({HookPolicy.HOOK_SUCCEEDED, HookPolicy.HOOK_FAILED}))
    assert wave(job(hook="post-install", hook_weight="-5")) == -5


def test_argo_goes_first() -> None:
    """An object that carries both is what Argo CD's annotation says."""
    assert hook(job(hook="pre-install", hook_="PostSync")) == Hook((SyncPhase.POST_SYNC,))
    assert wave(job(hook_weight="5", sync_wave="1")) == 1
