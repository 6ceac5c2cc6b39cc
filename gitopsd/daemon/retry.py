"""When a failed sync is tried again."""

from __future__ import annotations

from gitopsd.formats.durations import parse_duration
from gitopsd.model.app import App, Retry
from gitopsd.model.record import Phase, SyncRecord, SyncStatus, TriggerKind

_DEFAULT = Retry(limit=-1)
"""Without `syncPolicy.retry` a failure is tried again without end: what failed because of the cluster mends itself with it."""

_UNREACHABLE_CAP = 30.0
"""Seconds between tries while a cluster or repository can't be reached; its return is noticed earlier (polls, links)."""


def retry_delay(app: App, record: SyncRecord, failures: int, spread: float) -> float | None:
    """Seconds until the next try after `failures` failed ones in a row, or None where there is none.

    The delay grows by the policy's factor up to its maximum; `spread`, from 0 to 1, takes up to a quarter of it away, so that
    many applications that failed together don't come back together. A commit that can't be rendered is not tried again:
    only another commit mends it.
    """
    if record.phase not in (Phase.FAILED, Phase.ERROR) or any(c.type == "RenderError" for c in record.conditions):
        return None
    policy = app.spec.sync_policy.retry or _DEFAULT
    reached = bool(record.desired_digest)
    if reached and 0 <= policy.limit < failures:
        return None
    cap = parse_duration(policy.backoff.max_duration).total_seconds() if reached else _UNREACHABLE_CAP
    first = parse_duration(policy.backoff.duration).total_seconds() if reached else 1.0
    delay = min(cap, first * float(policy.backoff.factor) ** min(failures - 1, 32))
    return delay * (1 - spread / 4)


def is_over(record: SyncRecord, last: SyncRecord | None) -> bool:
    """Whether a look found that nothing of the `last` sync is left to try again.

    All objects may be in sync after it, and a hook of it has failed all the same: only its retry can tell.
    """
    failed = last is not None and last.phase is not Phase.SUCCEEDED and last.desired_digest == record.desired_digest
    return record.sync is SyncStatus.SYNCED and (record.trigger.kind is TriggerKind.RETRY or not failed)
