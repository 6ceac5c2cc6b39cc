"""Why a live field is as it is: what in Git asked for it, and who holds it in the cluster.

Nothing of this is kept: when somebody asks, the application is rendered once more with a trace, the object is read, and the
history of the lines is walked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitopsd.diff.attribute import holder
from gitopsd.diff.changes import SERVERS_OWN
from gitopsd.diff.mask import masked
from gitopsd.formats.path import ABSENT, Path, find, is_below, render_path
from gitopsd.model.app import App
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.source import Commit, Lines, Snapshot
from gitopsd.model.surface import Surface
from gitopsd.ports import Ports
from gitopsd.render.provenance.documents import HIDDEN, field_document, fields_below, lines_of
from gitopsd.render.provenance.explained import Explained
from gitopsd.render.provenance.fields import Lists, leaves
from gitopsd.render.provenance.trace import Trace

Render = Callable[[App, tuple[Snapshot, ...], Surface, Trace], Awaitable[Mapping[ObjectRef, tuple[Explained, ...]]]]
"""A render that a trace listens to."""

Blame = Callable[[str, str, Lines], Awaitable[Mapping[tuple[str, int], Commit]]]
"""The commits that wrote lines, as a commit (its id) of a repository has them."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Fields of one object. `repository` and `revision` are of the first source.

    Each of `fields` is a document as `render.provenance.documents` makes it, with `live`: the value in the cluster, the manager
    that holds it, how and since when, and whether that is `ours`; None where the field is not there. A field that nothing in
    Git asks for has no steps.
    """

    ref: ObjectRef
    repository: str
    revision: str
    fields: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Explainer:
    """Answers for all applications. `manager` is our own name in managedFields."""

    ports: Ports
    render: Render
    blame: Blame
    manager: str

    async def explain(self, app: App, revision: str, ref: ObjectRef, field: str) -> Explanation:
        """The fields of a live object at or below `field`, which may be empty. Raises SourceError, RenderError, ClusterError."""
        snapshots = await self.ports.source.snapshots(app, (revision,) if revision else ())
        rendered = await self.render(app, snapshots, await self.ports.cluster.surface(app), Trace(ref.kind, ref.name))
        desired = list(fields_below(field, _of(ref, rendered)))
        commits: Mapping[tuple[str, int], Commit] = {}
        if len(snapshots) == 1 and desired:  # of several sources nobody says in which one a file stands
            commits = await self.blame(snapshots[0].repository, snapshots[0].commit.id, lines_of(desired))
        live = masked(await self.ports.cluster.read(app, ref) or {}, lambda _: HIDDEN)
        fields = [field_document(ref, one, commits) | {"live": self._live(live, one.named)} for one in desired]
        known = {one.named for one in desired}
        for path in _live_paths(live, field):
            if path not in known:
                live_only = {"field": render_path(path), "value": None, "origin": None, "steps": ()}
                fields.append({**live_only, "live": self._live(live, path)})
        return Explanation(ref, snapshots[0].repository, snapshots[0].commit.id, tuple(fields))

    def _live(self, live: Object, path: Path) -> dict[str, Any] | None:
        value = find(live, path)
        if value is ABSENT:
            return None
        who = holder(live, path, self.manager)
        held = {"manager": who.manager, "operation": who.operation, "time": who.time or None}
        return {"value": value, **held, "ours": who.manager == self.manager}


def _of(ref: ObjectRef, found: Mapping[ObjectRef, tuple[Explained, ...]]) -> tuple[Explained, ...]:
    """The fields of the object itself; Git may leave its namespace to the application."""
    for namespace in (ref.namespace, ""):
        for one, fields in found.items():
            if (one.group, one.name, one.namespace) == (ref.group, ref.name, namespace):
                return fields
    return ()


def _live_paths(live: Object, field: str) -> Iterator[Path]:
    """The leaves of a live object at or below `field`, without what only the server writes; its status only if asked for."""
    lists, wanted = Lists(), field.removeprefix(".")
    for path, _ in leaves(live):
        if (path[:1] == ("status",) and not wanted) or (path[:1] == ("metadata",) and path[1:2] and path[1] in SERVERS_OWN):
            continue
        named = lists.named(live, path)
        if any(is_below(render_path(one), wanted) for one in (named, path)):
            yield named
