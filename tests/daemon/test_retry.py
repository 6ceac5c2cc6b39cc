"""When a failed sync is tried again: a pure function of policy, record, failures and chance."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.daemon.passes import Pass
from gitopsd.daemon.retry import Retries, retry_delay
from gitopsd.model.app import App, AppKey, Backoff, Retry
from gitopsd.model.record import Condition, Phase, SyncRecord, Trigger, TriggerKind
from gitopsd.waiting import Course
from tests.plan.builders import app
from tests.virtual import in_no_time

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FAILED = SyncRecord(app().key, Trigger(TriggerKind.POLL), Phase.FAILED, "failed", NOW, attempted=True, desired_digest="d")
UNREACHED = replace(FAILED, phase=Phase.ERROR, desired_digest="")


def trying(limit: int, **backoff: str | int) -> App:
    """An application with this policy."""
    one = app()
    policy = Retry(limit, backoff=Backoff(**backoff))  # type: ignore[arg-type]
    return replace(one, spec=replace(one.spec, sync_policy=replace(one.spec.sync_policy, retry=policy)))


def delays(of: App, record: SyncRecord = FAILED, count: int = 6) -> list[float | None]:
    """The delays after one failure, two, and so on, without chance."""
    return [retry_delay(of, record, failures, 0.0) for failures in range(1, count + 1)]


def test_delays_grow_by_the_policys_factor_up_to_its_maximum() -> None:
    """Argo CD's `retry.backoff`."""
    assert delays(trying(-1, duration="5s", factor=3, max_duration="1m")) == [5, 15, 45, 60, 60, 60]


def test_the_limit_ends_it() -> None:
    """`limit: 2` allows two tries more; none at all is an answer too."""
    assert delays(trying(2, duration="5s", factor=2, max_duration="3m"), count=4) == [5, 10, None, None]
    assert delays(trying(0), count=2) == [None, None]


def test_without_a_policy_it_goes_on() -> None:
    """What failed because of the cluster mends itself with it."""
    assert None not in delays(app(), count=100)


def test_what_could_not_be_reached_is_tried_again_soon() -> None:
    """At most half a minute apart, whatever the policy: it never got as far as a sync."""
    assert delays(trying(0, duration="1h"), UNREACHED, 7) == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.RUNNING])
def test_what_did_not_fail_is_not_tried_again(phase: Phase) -> None:
    """There is nothing to retry."""
    assert delays(app(), replace(FAILED, phase=phase), 1) == [None]


def test_a_commit_that_can_not_be_rendered_waits_for_the_next_one() -> None:
    """The same input fails the same way."""
    record = replace(UNREACHED, phase=Phase.FAILED, conditions=(Condition("RenderError", "missing.yaml does not exist"),))
    assert delays(app(), record, 3) == [None] * 3


@pytest.mark.parametrize("outcome", [Phase.SUCCEEDED, Phase.FAILED, None])
def test_a_pass_under_way_has_the_first_word(outcome: Phase | None) -> None:
    """A retry that falls due meanwhile is settled by it, or put off by another failure; after a mere look it comes at once."""

    async def due() -> list[float]:
        loop, one = asyncio.get_running_loop(), app()
        passes: dict[AppKey, Pass] = {}
        tried: list[float] = []
        retries = Retries(lambda *_: tried.append(loop.time()), passes.get)
        retries.passed(one, FAILED, None)
        task = asyncio.create_task(asyncio.sleep(60, FAILED))
        passes[one.key] = Pass(FAILED.trigger, task, Course())

        def over(_: object) -> None:
            del passes[one.key]
            retries.passed(one, replace(FAILED, phase=outcome or Phase.SUCCEEDED, attempted=outcome is not None), FAILED)

        task.add_done_callback(over)
        await asyncio.sleep(1000)
        return tried

    tried = in_no_time(due())
    expected = {Phase.SUCCEEDED: 0, Phase.FAILED: 1, None: 1}
    assert len(tried) == expected[outcome]
    assert all(when > 60 if outcome else when == 60 for when in tried)


@pytest.mark.parametrize(
    ("failed", "tries"), [("d", 1), ("dd", 1), ("ddd", 1), ("dde", 2), ("dded", 3), ("uuud", 4), ("udud", 3), ("ududud", 4)]
)
def test_the_limit_is_of_each_commit(failed: str, tries: int) -> None:
    """One retry of each; what can't be reached (`u`) takes none of them, and is tried again on its own account."""

    async def tried() -> int:
        found: list[Trigger] = []
        retries = Retries(lambda _, trigger: found.append(trigger), lambda _: None)
        for digest in failed:
            retries.passed(trying(1), UNREACHED if digest == "u" else replace(FAILED, desired_digest=digest), None)
            await asyncio.sleep(1000)
        return len(found)

    assert in_no_time(tried()) == tries


def test_a_sync_that_must_not_be_counts_for_nothing() -> None:
    """What failed before still waits for its retry, and has no fewer of them."""

    async def tried() -> int:
        tries: list[Trigger] = []
        retries = Retries(lambda _, trigger: tries.append(trigger), lambda _: None)
        retries.passed(trying(1), FAILED, None)
        retries.passed(trying(1), replace(FAILED, attempted=False), FAILED)
        await asyncio.sleep(1000)
        return len(tries)

    assert in_no_time(tried()) == 1


@given(failures=st.integers(1, 10**6), spread=st.floats(0, 1), factor=st.integers(1, 10))
def test_chance_takes_away_at_most_a_quarter(failures: int, spread: float, factor: int) -> None:
    """However many failures there were, the delay is bounded, and never nothing."""
    policy = trying(-1, duration="5s", factor=factor, max_duration="3m")
    whole, spared = retry_delay(policy, FAILED, failures, 0.0), retry_delay(policy, FAILED, failures, spread)
    assert whole is not None
    assert spared is not None
    assert 0.75 * whole <= spared <= whole <= 180
