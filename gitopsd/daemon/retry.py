"""When a failed sync is tried again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gitopsd.daemon.passes import Pass
from gitopsd.formats.durations import parse_duration
from gitopsd.model.app import App, AppKey, Retry
from gitopsd.model.record import Phase, SyncRecord, SyncStatus, Trigger, TriggerKind

_DEFAULT = Retry(limit=-1)
"""Without `syncPolicy.retry` a failure is tried again without end: what failed because of the cluster mends itself with it."""

_UNREACHABLE_CAP = 30.0
"""Seconds between tries while a cluster or repository can't be reached; its return is noticed earlier (polls, links)."""


@dataclass(frozen=True, slots=True)
class Again:
    """A try that is to come, in `delay` seconds from when it was decided. One with `trigger.retry` is somebody's operation."""

    trigger: Trigger
    delay: float
    timer: asyncio.TimerHandle


@dataclass(slots=True)
class Retries:
    """The applications that are to be tried again, each with its timer.

    `again` asks for the retry, `under_way` gives the pass of an application that is worked on.
    """

    again: Callable[[AppKey, Trigger], None]
    under_way: Callable[[AppKey], Pass | None]
    waiting: dict[AppKey, Again] = field(default_factory=dict)
    _failures: dict[AppKey, dict[str, int]] = field(default_factory=dict)
    """By the digest of what was desired, empty where it came to no plan: what can't be reached takes no try from a commit."""
    _ended: bool = False

    def passed(self, app: App, record: SyncRecord, last: SyncRecord | None) -> None:
        """A pass is over, the `last` sync before it was that: it settles the retry that waits, fails anew, or only looked.

        No look settles that of an operation: it is to be done as it was asked for. Any other sync takes its place.
        """
        failed = record.phase in (Phase.FAILED, Phase.ERROR) and not record.refused
        if not (failed or record.attempted or is_over(record, last)):
            return  # it only looked, and what failed before still waits for its retry
        waits = self.waiting.get(app.key)
        if waits and waits.trigger.retry and not (record.attempted and record.desired_digest):
            return
        self.cancel(app.key)
        if not failed:
            self._failures.pop(app.key, None)
        elif not (record.trigger.retry and self._try_again(app, record, _once_more(record.trigger))):
            trigger = Trigger(TriggerKind.RETRY, retries=self._failed(app.key, record.desired_digest))
            self._try_again(app, replace(record, trigger=trigger), trigger)

    def _failed(self, key: AppKey, digest: str) -> int:
        """How often just this has failed by now, since something last succeeded; another commit begins anew."""
        known = self._failures.get(key, {})
        kept = {one: count for one, count in known.items() if one in ("", digest) or not digest}
        self._failures[key] = kept | {digest: known.get(digest, 0) + 1}
        return self._failures[key][digest]

    def _try_again(self, app: App, record: SyncRecord, trigger: Trigger) -> bool:
        # The spread of retries is no secret, and guards nothing.
        delay = retry_delay(app, record, trigger.retries, random.random())  # noqa: S311
        if delay is not None and not self._ended:
            timer = asyncio.get_running_loop().call_later(delay, self._due, app.key)
            self.waiting[app.key] = Again(trigger, delay, timer)
        return delay is not None

    def _due(self, key: AppKey) -> None:
        """Its time has come. A pass under way has the first word: it may settle it, or fail and put it off."""
        waits = self.waiting[key]
        if under_way := self.under_way(key):
            under_way.task.add_done_callback(lambda _: self._due(key) if self.waiting.get(key) is waits else None)
        else:
            del self.waiting[key]
            self.again(key, waits.trigger)

    def forget(self, key: AppKey) -> None:
        """The application is gone."""
        self._failures.pop(key, None)
        self.cancel(key)

    def cancel(self, key: AppKey, trigger: Trigger | None = None) -> None:
        """What waits, if it is just that, is not tried again."""
        waits = self.waiting.get(key)
        if waits and (trigger is None or waits.trigger is trigger):
            waits.timer.cancel()
            del self.waiting[key]

    def end(self) -> None:
        """There are no retries any more."""
        self._ended = True
        for key in tuple(self.waiting):
            self.forget(key)


def retry_delay(app: App, record: SyncRecord, failures: int, spread: float) -> float | None:
    """Seconds until the next try after `failures` failed ones in a row, or None where there is none.

    The delay grows by the policy's factor up to its maximum; `spread`, from 0 to 1, takes up to a quarter of it away, so that
    many applications that failed together don't come back together. A commit that can't be rendered is not tried again:
    only another commit mends it. Of an operation that says so itself the policy is its own, whatever it failed of.
    """
    if record.phase not in (Phase.FAILED, Phase.ERROR) or any(c.type == "RenderError" for c in record.conditions):
        return None
    own = record.trigger.retry
    policy = own or app.spec.sync_policy.retry or _DEFAULT
    reached = bool(own or record.desired_digest)
    if reached and 0 <= policy.limit < failures:
        return None
    cap = parse_duration(policy.backoff.max_duration).total_seconds() if reached else _UNREACHABLE_CAP
    first = parse_duration(policy.backoff.duration).total_seconds() if reached else 1.0
    delay = min(cap, first * float(policy.backoff.factor) ** min(failures - 1, 32))
    return delay * (1 - spread / 4)


def _once_more(asked: Trigger) -> Trigger:
    """An operation's next try: of the commit that it names, unless the newest one is wanted then."""
    newest = asked.retry is not None and asked.retry.refresh
    return replace(asked, revision="" if newest else asked.revision, retries=asked.retries + 1)


def is_over(record: SyncRecord, last: SyncRecord | None) -> bool:
    """Whether a look found that nothing of the `last` sync is left to try again.

    All objects may be in sync after it, and a hook of it has failed all the same: only its retry can tell.
    """
    failed = last is not None and last.phase is not Phase.SUCCEEDED and last.desired_digest == record.desired_digest
    return record.sync is SyncStatus.SYNCED and (record.trigger.kind is TriggerKind.RETRY or not failed)
