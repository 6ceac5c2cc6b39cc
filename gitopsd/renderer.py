"""The render port: the engine in worker processes, behind a cache that knows what each render read.

A render's key is everything that it asked: of its trees by object id, misses included, its own options, and the variables that
it read (so the commit's id only where it is read). A commit that touches one application of a thousand costs a thousand cheap
look-ups and one render. A render that failed is remembered like any other: the same input fails the same way. (The engine's
version is no part of the key, as the cache is this process's.)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from gitopsd.children import ChildDiedError, ChildError, ChildLimitError, ChildTimeError, Pool, plain
from gitopsd.helm import Helm
from gitopsd.model.app import App, AppKey, Source
from gitopsd.model.errors import LimitError, RenderError
from gitopsd.model.source import Snapshot
from gitopsd.model.surface import Surface
from gitopsd.model.tree import answers_alike
from gitopsd.ports import CacheUse, Rendered
from gitopsd.render.limits import Limits
from gitopsd.render.needs import Elsewhere, Needs, where
from gitopsd.render.provenance.trace import Trace
from gitopsd.rendering import Explanations, Result, Work, render_in_child

_KEPT_PER_APP = 2  # what is live, and what somebody looks at in a plan for another revision
_MAX_NEEDS = 50
_MAX_SURFACES = 64  # clusters, whose API versions are kept as charts are told them
_REMOTE_SCHEMES = ("https://", "ssh://", "oci://")

Fetch = Callable[[Elsewhere], Awaitable[Snapshot]]
"""Gives what is elsewhere as it is now: a repository's commit, a chart's version, a file's content."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A result, and what it was made of; `commits` are the newest that it is known to hold for."""

    sources: tuple[Source, ...]
    needs: tuple[Elsewhere, ...]
    commits: tuple[str, ...]
    result: Result
    rendered: Rendered

    def holds(self, snapshots: Sequence[Snapshot], variables: Sequence[Mapping[str, str]]) -> bool:
        """Whether a render of `snapshots`, those of its needs last, would give the same."""
        for values, read in zip(variables, self.result.variables, strict=True):
            if any(values.get(name) != value for name, value in read.items()):
                return False
        return self.commits == _commits(snapshots) or all(
            answers_alike(snapshot.tree, asked) for snapshot, asked in zip(snapshots, self.result.inputs, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """A render may take `deadline` seconds. `budget` is the cache's, in bytes of objects as a child packs them."""

    deadline: float = 60.0
    limits: Limits = field(default_factory=Limits)
    budget: int = 64 << 20


class Renderer:
    """The engine (a `gitopsd.ports.RenderPort`)."""

    def __init__(
        self,
        pool: Pool,
        fetch: Fetch,
        bounds: Bounds | None = None,
        *,
        helm: Helm | None = None,
        on_request: Callable[[Literal["hit", "miss"]], None] = lambda _: None,
    ) -> None:
        """`fetch` gives what is elsewhere, `helm` inflates charts where that is allowed; `on_request` hears of each look-up."""
        self._pool, self._fetch, self._helm, self._on_request = pool, fetch, helm, on_request
        self._bounds = bounds or Bounds()
        self._cache = _Cache(self._bounds.budget)
        self._lacking: dict[AppKey, frozenset[str]] = {}
        self._served: dict[str, str] = {}

    async def render(self, app: App, snapshots: tuple[Snapshot, ...], surface: Surface) -> Rendered:
        """See `RenderPort.render`. Raises SourceError where a mirror is damaged, or something elsewhere can't be had."""
        variables = self._variables(app, snapshots, surface)
        kept = await self._find(app, snapshots, variables)
        self._on_request("hit" if kept else "miss")
        if kept is None:
            kept = await self._render(app, snapshots, variables)
            self._cache.put(app.key, kept)
        if kept.result.error:
            raise kept.result.error.with_traceback(None)
        return kept.rendered

    async def explain(self, app: App, snapshots: tuple[Snapshot, ...], surface: Surface, trace: Trace) -> Explanations:
        """Renders once more, listened to by `trace`: what it found, by object. Raises as `render` does; nothing is kept."""
        result = (await self._render(app, snapshots, self._variables(app, snapshots, surface), trace)).result
        if result.error:
            raise result.error.with_traceback(None)
        return result.explained

    def forget(self, app: AppKey) -> None:
        """See `RenderPort`."""
        self._cache.drop(app)

    def elsewhere(self, app: AppKey) -> frozenset[str]:
        """See `RenderPort.elsewhere`."""
        kept = {where(need) for one in self._cache.peek(app) for need in one.needs}
        return self._lacking.get(app, frozenset()) | kept

    def use(self) -> CacheUse:
        """How the cache is used: an entry is what is kept of one application."""
        return self._cache.use()

    async def _find(self, app: App, snapshots: tuple[Snapshot, ...], variables: Sequence[Mapping[str, str]]) -> _Kept | None:
        sources = _shape(app)
        for kept in self._cache.get(app.key):
            if kept.sources != sources:
                continue
            all_snapshots = (*snapshots, *[await self._fetch(need) for need in kept.needs])
            if kept.holds(all_snapshots, variables):
                if (commits := _commits(all_snapshots)) != kept.commits:
                    self._cache.put(app.key, replace(kept, commits=commits), instead_of=kept)
                return kept
        return None

    async def _render(
        self, app: App, snapshots: tuple[Snapshot, ...], variables: tuple[Mapping[str, str], ...], trace: Trace | None = None
    ) -> _Kept:
        """Renders, and again with what it turned out to need from elsewhere, as often as it takes."""
        found: dict[Elsewhere, Snapshot] = {}
        trees = tuple(snapshot.tree for snapshot in snapshots)
        while True:
            answers = tuple(snapshot.tree for snapshot in found.values())
            work = Work(app.sources, trees, variables, self._bounds.limits, self._helm, tuple(found), answers, trace)
            result = await self._in_child(app, work)
            wanted = result.error.wanted if isinstance(result.error, Needs) else ()
            needed = [need for need in wanted if isinstance(need, Elsewhere)]
            if not needed or len(found) + len(needed) > _MAX_NEEDS:
                commits = _commits((*snapshots, *found.values()))
                rendered = Rendered(partial(plain, result.objects), _warnings(app))
                return _Kept(_shape(app), tuple(found), commits, result, rendered)
            self._lacking[app.key] = frozenset(where(need) for need in (*found, *needed))
            for need in needed:
                found[need] = await self._elsewhere_now(need)
            del self._lacking[app.key]

    async def _elsewhere_now(self, need: Elsewhere) -> Snapshot:
        # Whoever can write to a repository can name any URL in it: not this machine's files, nor what anybody may forge.
        if not where(need).startswith(_REMOTE_SCHEMES) and "@" not in where(need).partition("/")[0]:
            raise RenderError(f"{need}: what a commit takes from elsewhere must have an {' or '.join(_REMOTE_SCHEMES)} URL")
        return await self._fetch(need)

    def _variables(self, app: App, snapshots: Sequence[Snapshot], surface: Surface) -> tuple[Mapping[str, str], ...]:
        """The build environment of each source; of a surface that is known already nothing is computed again."""
        if surface.digest not in self._served:
            self._served = {**dict(list(self._served.items())[-_MAX_SURFACES:]), surface.digest: _api_versions(surface)}
        capabilities = {"KUBE_VERSION": surface.server_version, "KUBE_API_VERSIONS": self._served[surface.digest]}
        pairs = zip(app.sources, snapshots, strict=True)
        return tuple(_environment(app, source, snapshot) | capabilities for source, snapshot in pairs)

    async def _in_child(self, app: App, work: Work) -> Result:
        try:
            with suppress(ChildDiedError):  # it may have been anybody's victim: another one tries once more
                return await self._pool.call(render_in_child, work, deadline=self._bounds.deadline)
            return await self._pool.call(render_in_child, work, deadline=self._bounds.deadline)
        except ChildTimeError as error:
            raise LimitError(f"{app.key}: rendering {error}", limit="renderTime") from error
        except ChildLimitError as error:
            raise LimitError(f"{app.key}: rendering {error}") from error
        except ChildError as error:
            raise RenderError(f"{app.key}: rendering came to no result: {error}") from error


class _Cache:
    """Some results of each application, the newest first; the applications that were asked for least recently go first."""

    def __init__(self, budget: int) -> None:
        self._budget, self._used, self._evicted = budget, 0, 0
        self._kept: OrderedDict[AppKey, tuple[_Kept, ...]] = OrderedDict()

    def get(self, key: AppKey) -> tuple[_Kept, ...]:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key, ())

    def peek(self, key: AppKey) -> tuple[_Kept, ...]:
        """What is there, without asking for it."""
        return self._kept.get(key, ())

    def drop(self, key: AppKey) -> None:
        self._used -= _size(self._kept.pop(key, ()))

    def put(self, key: AppKey, kept: _Kept, instead_of: _Kept | None = None) -> None:
        before = self._kept.pop(key, ())
        now = (kept, *(other for other in before if other is not instead_of))[:_KEPT_PER_APP]
        self._kept[key] = now
        self._used += _size(now) - _size(before)
        while self._used > self._budget and len(self._kept) > 1:
            self._used -= _size(self._kept.popitem(last=False)[1])
            self._evicted += 1

    def use(self) -> CacheUse:
        return CacheUse(len(self._kept), self._evicted)


def _size(kept: tuple[_Kept, ...]) -> int:
    return sum(len(one.result.objects) for one in kept)


def _shape(app: App) -> tuple[Source, ...]:
    """The sources without what only says which commit."""
    return tuple(replace(source, target_revision="") for source in app.sources)


def _warnings(app: App) -> tuple[str, ...]:
    """What the sources ask for and does not matter here."""
    versions = [source.kustomize.version for source in app.sources if source.kustomize and source.kustomize.version]
    return tuple(
        f"spec.source.kustomize.version: {version!r} is passed over: there is one engine, with the results of kustomize 5.8"
        for version in versions
    )


def _commits(snapshots: Sequence[Snapshot]) -> tuple[str, ...]:
    return tuple(f"{snapshot.repository} {snapshot.commit.id}" for snapshot in snapshots)


def _api_versions(surface: Surface) -> str:
    """What a chart's templates may ask for: `apps/v1` and `apps/v1/Deployment`."""
    return ",".join(sorted({name for version, kind in surface.resources for name in (version, f"{version}/{kind}")}))


def _environment(app: App, source: Source, snapshot: Snapshot) -> dict[str, str]:
    """Argo CD's build environment (https://argo-cd.readthedocs.io/en/stable/user-guide/build-environment/)."""
    commit = snapshot.commit.id
    return {
        "ARGOCD_APP_NAME": app.key.name,
        "ARGOCD_APP_NAMESPACE": app.spec.destination.namespace,
        "ARGOCD_APP_PROJECT_NAME": app.spec.project,
        "ARGOCD_APP_SOURCE_PATH": source.path,
        "ARGOCD_APP_SOURCE_REPO_URL": snapshot.repository,
        "ARGOCD_APP_SOURCE_TARGET_REVISION": source.target_revision,
        "ARGOCD_APP_REVISION": commit,
        "ARGOCD_APP_REVISION_SHORT": commit[:7],
        "ARGOCD_APP_REVISION_SHORT_8": commit[:8],
    }
