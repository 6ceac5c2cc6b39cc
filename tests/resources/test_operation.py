"""The field `operation`: what it asks for, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.model.app import Backoff, Retry, Source
from gitopsd.model.errors import ConfigError
from gitopsd.model.plan import Action
from gitopsd.model.record import ObjectResult, ResultStatus, Trigger, TriggerKind
from gitopsd.resources.operation import MAX_RESULTS, asked, operation_state, resumed
from tests.resources.shown import APP, REF, record


def test_everything_that_argocd_sends_for_a_sync() -> None:
    """Revision, prune, dry run, objects, options, and who asks; its source is the application's own."""
    operation = {
        "initiatedBy": {"username": "ann"},
        "info": [{"name": "Reason", "value": "release"}],
        "sync": {
            "revision": "c2",
            "prune": True,
            "dryRun": True,
            "source": {"repoURL": "repo", "path": "path", "targetRevision": "other"},
            "resources": [
                {"group": "apps", "kind": "Deployment", "name": "api", "namespace": "web"},
                {"kind": "Namespace", "name": "web"},
                {"group": "*", "kind": "Job", "name": "*", "exclude": True},
            ],
            "syncOptions": ["Validate=false"],
            "syncStrategy": {"hook": {"force": True}},
        },
    }
    assert asked(operation, APP) == Trigger(
        TriggerKind.MANUAL,
        actor="ann",
        revision="c2",
        prune=True,
        dry_run=True,
        force=True,
        resources=("Deployment/web/api", "Namespace/web", "!Job/*"),
        options=("Validate=false",),
    )


def test_nothing_is_pruned_unasked() -> None:
    """Whatever the application's policy says: Argo CD's rule for syncs by hand. A sync may ask for nothing in particular."""
    assert asked({"sync": {"revision": ""}}, APP).prune is False
    assert asked({"sync": {}}, APP).prune is False


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ({"info": []}, "operation.sync: is missing"),
        ("hostile", "operation.sync: is missing"),
        ({"sync": {"prune": "yes"}}, r"operation: sync.prune: must be true or false"),
        ({"sync": {"revision": "c", "resources": "all"}}, r"operation: sync.resources: must be a list"),
        ({"sync": {"manifests": ["{}"]}}, "sync.manifests: is not supported"),
        ({"sync": {"source": {"repoURL": "elsewhere", "path": "path"}}}, "sync.source: is not the application's own"),
        ({"sync": {"revisions": ["a", "b"]}}, "only the first source"),
        ({"sync": {"syncStrategy": {"apply": {}}}}, "hooks are run"),
        ({"sync": {"prune": True}, "retry": {"limit": "5"}}, "operation: retry.limit: must be a whole number"),
        ({"sync": {"prune": True}, "retry": {"limit": 5, "backoff": {"duration": "soon"}}}, "operation.retry.backoff.duration: "),
    ],
)
def test_what_would_not_be_done_is_refused(operation: dict[str, Any], words: str) -> None:
    """Rather than something else done."""
    with pytest.raises(ConfigError, match=words):
        asked(operation, APP)


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ({"limit": 3}, Retry(3)),
        ({"limit": -1, "backoff": {"duration": "1s", "factor": None}}, Retry(-1, backoff=Backoff("1s"))),
        ({"limit": 1, "refresh": True, "backoff": {"maxDuration": "10m", "factor": 3}}, Retry(1, True, Backoff("5s", 3, "10m"))),
        ({"limit": 0}, None),
        ({"backoff": {"duration": "1s"}}, None),
        (None, None),
    ],
)
def test_how_it_is_tried_again(written: Any, policy: Retry | None) -> None:
    """As its `retry` says, with Argo CD's defaults; it isn't without a limit."""
    assert asked({"sync": {"prune": True}, "retry": written}, APP).retry == policy


def test_the_state_counts_retries() -> None:
    """As Argo CD's does; the operation stands there as it was asked for."""
    trigger = Trigger(TriggerKind.MANUAL, actor="ann", prune=False, retry=Retry(3, backoff=Backoff("1s")), retries=2)
    state = operation_state(replace(record(), trigger=trigger), APP)
    assert (state["retryCount"], state["message"].endswith(" (retried 2 times)")) == (2, True)
    retry = {"limit": 3, "refresh": False, "backoff": {"duration": "1s", "factor": 2, "maxDuration": "3m"}}
    assert state["operation"]["retry"] == retry
    assert asked(state["operation"], APP) == replace(trigger, revision="c1", retries=0)
    assert "retryCount" not in operation_state(record(), APP)


@pytest.mark.parametrize(
    ("changes", "retries"),
    [({}, 2), ({"phase": "Failed"}, 0), ({"operation": {"sync": {}}}, 0), ({"retryCount": "2"}, 0), ({"retryCount": -2}, 0)],
)
def test_tries_of_an_earlier_process_count(changes: dict[str, Any], retries: int) -> None:
    """If it was cut off at just such an operation; what somebody else has written into the state is no number of tries."""
    state = {"phase": "Running", "operation": {"sync": {"prune": True}, "retry": {"limit": 3}}, "retryCount": 2}
    assert resumed(Trigger(TriggerKind.MANUAL, retry=Retry(3)), state | changes).retries == retries
    assert resumed(Trigger(TriggerKind.MANUAL), state).retries == 0


def test_the_result_of_many_objects_has_the_failures_first() -> None:
    """The whole stands in the history."""
    good = tuple(ObjectResult(REF._replace(name=f"a{n}"), Action.CREATE, ResultStatus.SYNCED) for n in range(MAX_RESULTS))
    bad = ObjectResult(REF, Action.CONFIGURE, ResultStatus.SYNC_FAILED, "x" * 5000)
    resources = operation_state(record(results=(*good, bad)), APP)["syncResult"]["resources"]
    assert len(resources) == MAX_RESULTS
    assert resources[0]["status"] == "SyncFailed"
    assert len(resources[0]["message"]) == 1024


def test_hooks_have_their_phase_and_what_was_not_reached_has_no_status() -> None:
    """Argo CD has no word for it."""
    hook = ObjectResult(REF, Action.HOOK, ResultStatus.SYNCED)
    pending = ObjectResult(REF, Action.CREATE, ResultStatus.PENDING, "not reached")
    ran, left = operation_state(record(results=(hook, pending)), APP)["syncResult"]["resources"]
    assert ran["hookPhase"] == "Succeeded"
    assert "status" not in left
    assert left["message"] == "not reached"


def test_several_sources_are_synced_to_their_own_revisions() -> None:
    """An argocd-server names them all; only the first may be another one."""
    sources = (Source("a", "x"), Source("b", "y", "v2"))
    app = replace(APP, spec=replace(APP.spec, source=None, sources=sources))
    written = [{"repoURL": "a", "path": "x"}, {"repoURL": "b", "path": "y", "targetRevision": "v2"}]
    assert asked({"sync": {"sources": written, "revisions": ["c9", "v2"]}}, app).revision == "c9"
    with pytest.raises(ConfigError, match="only the first source"):
        asked({"sync": {"sources": written, "revisions": ["c9", "v3"]}}, app)


def test_the_objects_that_were_asked_for_are_shown_as_they_were_asked_for() -> None:
    """Those that are left out too, and whatever else somebody has written."""
    asked_for = Trigger(TriggerKind.MANUAL, resources=("Job/web/a", "!Job/*", "odd"))
    shown = operation_state(replace(record(), trigger=asked_for), APP)["operation"]["sync"]["resources"]
    assert shown == [
        {"kind": "Job", "name": "a", "namespace": "web"},
        {"kind": "Job", "name": "*", "exclude": True},
        {"kind": "odd", "name": ""},
    ]
