"""Applications on their way out: what their documents, their finalizers and people want of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import dataclass, field, replace

from gitopsd.config import Document, read_application
from gitopsd.model.app import App, AppKey
from gitopsd.model.deletion import Deletion, asked_by
from gitopsd.model.record import Phase, SyncRecord
from gitopsd.model.standing import Deleted, Standing
from gitopsd.model.status import AppStatus


@dataclass(slots=True)
class Left:
    """The applications that are no more: what they had goes to whoever wants it.

    `before` are those that the history knows from before the start. Which of them have left shows when all that there are
    have come. What is neither in it nor gone since was never this gitopsd's, whatever installation the marks name.
    """

    before: set[AppKey] = field(default_factory=set)
    _gone: set[AppKey] = field(default_factory=set)

    def __contains__(self, key: object) -> bool:
        """Whether the application was here, and is no more."""
        return key in self._gone

    def scanned(self, gone: Collection[AppKey], there: Collection[AppKey], *, whole: bool) -> None:
        """Some are gone, and some are there; `whole` where these are all."""
        self._gone.update(gone, self.before if whole else ())
        self._gone.difference_update(there)
        if whole:
            self.before.clear()


def missing(
    statuses: Mapping[AppKey, AppStatus], apps: Container[AppKey], holds: Callable[[AppKey], bool]
) -> tuple[tuple[AppKey, ...], Mapping[AppKey, Deletion]]:
    """Of the applications whose document is gone: those that are gone with it, and those whose finalizer begins a deletion.

    What is being deleted is in neither. One that another replica `holds` is gone with its document: who takes over a deletion
    learns of it from its orders.
    """
    left = {key: status.app for key, status in statuses.items() if key not in apps}
    deletions = {key: app.deletion or _wanted(app) for key, app in left.items()}
    deletions = {key: d if d and holds(key) else None for key, d in deletions.items()}
    gone = tuple(key for key, deletion in deletions.items() if deletion is None or deletion.done)
    begun = {key: deletion for key, deletion in deletions.items() if deletion and left[key].deletion is None}
    return gone, begun


def _wanted(app: App) -> Deletion | None:
    """What its finalizer begins. A resource that is out of sight may just have lost the label that made it ours."""
    return None if app.is_resource else asked_by(app.finalizers)


def declared(app: App, status: AppStatus | None) -> App:
    """The application of a document. What a person deleted stays so as long as its document is there; nothing else does.

    A document that says itself that it is going (a resource that waits for its finalizer) goes on from where it was.
    """
    known = status.app.deletion if status else _ordered(app.standing.deleted)
    return replace(app, deletion=known) if known and (known.by or app.deletion) else app


def anew(app: App, standing: Standing) -> App:
    """The application as these orders have it, whatever was ordered before: of its deletion, what its document says stays."""
    own = app.deletion if app.deletion and not app.deletion.by else None
    return declared(replace(app, standing=standing, deletion=own), None)


def resumed(ordered: Mapping[AppKey, Standing], apps: Container[AppKey]) -> Mapping[AppKey, App]:
    """The applications whose deletion an end of gitopsd cut off, and whose documents are gone: as their orders have them."""
    orders = {key: standing.deleted for key, standing in ordered.items() if key not in apps}
    return {key: _restored(ordered[key], order) for key, order in orders.items() if order}


def _restored(standing: Standing, order: Deleted) -> App:
    app = read_application(Document("", json.loads(order.document)), None)
    return replace(app, standing=standing, deletion=_ordered(order))


def _ordered(order: Deleted | None) -> Deletion | None:
    if order is None:
        return None
    return Deletion(cascade=bool(order.propagation), propagation=order.propagation or "foreground", by=order.by)


def after(status: AppStatus, record: SyncRecord) -> AppStatus:
    """The status after a pass: a deletion that succeeded is done."""
    deletion = status.app.deletion
    if deletion is None or record.phase is not Phase.SUCCEEDED:
        return status
    return replace(status, app=replace(status.app, deletion=replace(deletion, done=True)))
