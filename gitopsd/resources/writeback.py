"""Writes how applications stand into their resources: what changed, when it changed, and nothing else.

One more who is told of passes and statuses: it takes notes at once and writes when it can. A cluster that does not answer holds
nobody up; what was to be written then is what holds when it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import structlog

from gitopsd.config.resources import REFRESH
from gitopsd.model.app import AppKey
from gitopsd.model.deletion import is_ours
from gitopsd.model.errors import ClusterError, GitopsdError
from gitopsd.model.record import SyncRecord
from gitopsd.model.refs import Object
from gitopsd.model.status import AppStatus
from gitopsd.ports import Clock
from gitopsd.resources.patch import merge_patch
from gitopsd.resources.status import Shown, refused_document, status_document
from gitopsd.resources.wire import moment

BREATH = 0.5
"""Seconds between two writes of one application's status: what changes faster is written as it stands then."""
LONG_BREATH = 5.0
"""... after a cluster did not answer."""
_AT_ONCE = 16
"""Resources that are written to at once."""
_LAST_WORDS = 5.0
"""Seconds that the end of gitopsd leaves for what is still to be written."""

_log = structlog.get_logger()


class Declared(Protocol):
    """The resources, as `gitopsd.cluster.declared` has them."""

    @property
    def applications(self) -> Mapping[AppKey, Object]:
        """As they are now."""

    async def patch(self, key: AppKey, patch: Mapping[str, Any]) -> bool:
        """Merges `patch` into one; false where it is gone. Raises ObjectError, ClusterError."""


@dataclass(slots=True)
class Taken:
    """An `operation` that was taken up, word for word, and its record: how it waits, or what came of it."""

    asked: Mapping[str, Any]
    record: SyncRecord


@dataclass(slots=True)
class Writeback:
    """The statuses that are to be shown, and which of them are not yet."""

    declared: Declared
    clock: Clock
    holds: Callable[[AppKey], bool] = lambda _: True
    """Which applications' resources are ours to write to; others are another replica's."""
    taken: dict[AppKey, Taken] = field(default_factory=dict)
    """Operations of resources: the field stays until its operation has ended, as in Argo CD; who waits for it looks at it."""
    _statuses: dict[AppKey, AppStatus] = field(default_factory=dict)
    _looked: dict[AppKey, tuple[datetime, datetime]] = field(default_factory=dict)
    """When the last pass over each application began and ended."""
    _refreshed: dict[AppKey, datetime] = field(default_factory=dict)
    _refused: dict[AppKey, str] = field(default_factory=dict)
    _due: set[AppKey] = field(default_factory=set)
    _writing: asyncio.Task[None] | None = None

    # What is told

    def changed(self, status: AppStatus) -> None:
        """An application stands differently now."""
        self._statuses[status.app.key] = status
        self.due(status.app.key)

    def passed(self, record: SyncRecord, status: AppStatus) -> None:
        """An application was looked at."""
        self._looked[record.app] = (record.started, record.finished or record.started)
        self.changed(status)

    def refreshed(self, key: AppKey) -> None:
        """The repositories were asked: the pass that begins now, or later, answers the refresh."""
        self._refreshed[key] = self.clock.now()

    def is_answering(self, key: AppKey) -> bool:
        """Whether a refresh is still to be answered."""
        return key in self._refreshed

    def refuse(self, problems: Mapping[AppKey, str]) -> None:
        """Resources that declare nothing acceptable, and why. What becomes ours to write to is news."""
        ours = {key: message for key, message in problems.items() if self.holds(key)}
        news = {key for key, message in ours.items() if self._refused.get(key) != message}
        self._refused = ours
        for key in news:
            self.due(key)

    def forget(self, key: AppKey) -> None:
        """The application is gone."""
        for known in (self._statuses, self._looked, self._refreshed, self.taken):
            known.pop(key, None)

    def due(self, key: AppKey) -> None:
        """Something about the resource may have to be written."""
        self._due.add(key)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Writes what is still to be written, unless the cluster keeps it waiting."""
        if self._writing:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._writing, _LAST_WORDS)

    # What is written

    async def _write(self) -> None:
        places = asyncio.Semaphore(_AT_ONCE)

        async def write(key: AppKey) -> bool:
            async with places:
                return await self._written(key)

        while self._due:
            due, self._due = self._due, set()
            answered = await asyncio.gather(*(write(key) for key in due))
            if any(answered) or not all(answered):
                await asyncio.sleep(BREATH if all(answered) else LONG_BREATH)

    async def _written(self, key: AppKey) -> bool:
        """Whether the resource says what it should; a refusal is said, and not tried again before something else changes."""
        resource = self.declared.applications.get(key) if self.holds(key) else None
        patch = self.patch(key, resource) if resource else {}
        if not patch:
            return True
        try:
            await self.declared.patch(key, patch)
        except ClusterError:
            self._due.add(key)
            return False
        except GitopsdError as error:
            _log.warning("the status of an application can't be written", application=str(key), reason=str(error))
        else:
            self._answered(key, patch)
        return True

    def _answered(self, key: AppKey, patch: Mapping[str, Any]) -> None:
        if "operation" in patch:
            self.taken.pop(key, None)
        if "annotations" in patch.get("metadata", {}):
            self._refreshed.pop(key, None)

    def patch(self, key: AppKey, resource: Object) -> dict[str, Any]:
        """What the resource lacks; empty where it says all already, or is not ours to write to."""
        status, live, now = self._statuses.get(key), resource.get("status") or {}, self.clock.now()
        if status is None:
            refused = self._refused.get(key)
            return _below("status", merge_patch(live, refused_document(refused, live, now))) if refused else {}
        if status.app.holder or not status.app.is_resource:
            return {}
        written = merge_patch(live, _document(Shown(status, self._operation(status)), live, now))
        answered = self._is_answered(key) and REFRESH in (resource["metadata"].get("annotations") or {})
        if (written or answered) and (looked := self._looked.get(key)):
            written["reconciledAt"] = moment(looked[1])
        taken = self.taken.get(key)
        over = taken is not None and taken.record.finished is not None and resource.get("operation") == taken.asked
        metadata = {"annotations": {REFRESH: None}} if answered else {}
        if status.app.deletion and status.app.deletion.done:
            metadata |= _without_finalizers(resource)
        return _below("status", written) | ({"operation": None} if over else {}) | _below("metadata", metadata)

    def _operation(self, status: AppStatus) -> SyncRecord | None:
        """The newest operation: one of the resource's own, until it was taken away from there, or any other."""
        taken = self.taken.get(status.app.key)
        if taken and (taken.record.finished or not status.running):
            return taken.record
        return status.running or status.operation

    def _is_answered(self, key: AppKey) -> bool:
        asked, looked = self._refreshed.get(key), self._looked.get(key)
        return asked is not None and looked is not None and looked[0] >= asked


def _document(shown: Shown, live: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The status; where somebody has written into it what is none, it is made anew."""
    try:
        return status_document(shown, live, now)
    except (AttributeError, KeyError, TypeError, ValueError):
        return status_document(shown, {}, now)


def _without_finalizers(resource: Object) -> dict[str, Any]:
    """Lets the resource go, where others don't hold it; guarded, since a list of finalizers is replaced as a whole."""
    metadata = resource["metadata"]
    finalizers = metadata.get("finalizers") or []
    left = [finalizer for finalizer in finalizers if not is_ours(finalizer)]
    return {"finalizers": left, "resourceVersion": metadata["resourceVersion"]} if left != finalizers else {}


def _below(name: str, patch: dict[str, Any]) -> dict[str, Any]:
    return {name: patch} if patch else {}
