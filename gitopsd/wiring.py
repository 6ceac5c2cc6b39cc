"""The only place that builds the real parts and puts them together."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import structlog

from gitopsd.children import Nursery, Pool
from gitopsd.clock import SystemClock
from gitopsd.cluster.clusters import Clusters
from gitopsd.cluster.config import Alone, ClusterConfig, Identity, Listener
from gitopsd.cluster.declared import Declared
from gitopsd.cluster.leases import Leases
from gitopsd.cluster.reflector import Target
from gitopsd.config import (
    ApplicationFiles,
    Config,
    Credentials,
    Defaults,
    Scan,
    SecretFile,
    adopts,
    analysis,
    dependencies,
    own_rules,
    settings,
)
from gitopsd.config.resources import ApplicationResources, joined
from gitopsd.daemon.agent import Agent
from gitopsd.daemon.leaving import Left
from gitopsd.daemon.membership import Membership
from gitopsd.daemon.orders import Orders
from gitopsd.daemon.returns import Returns
from gitopsd.daemon.sharing import Sharing
from gitopsd.daemon.timers import Polling, Timers
from gitopsd.diff.mask import keyed_mask
from gitopsd.explainer import Explainer
from gitopsd.formats import yamlread
from gitopsd.health import assess
from gitopsd.helm import Helm
from gitopsd.history import History, Retention
from gitopsd.loop import WatchedLoop
from gitopsd.model.app import App, AppKey, AppSettings
from gitopsd.model.errors import ClusterError
from gitopsd.model.record import TriggerKind
from gitopsd.model.replicas import Lease, Mode
from gitopsd.observe import Metrics, log_record
from gitopsd.plan.qualify import Marking
from gitopsd.ports import CacheUse, Ports, Tenure
from gitopsd.prometheus import Prometheus
from gitopsd.readiness import Readiness
from gitopsd.reconcile import Reconciler
from gitopsd.render.limits import Limits
from gitopsd.renderer import Bounds as RenderBounds
from gitopsd.renderer import Renderer
from gitopsd.resources.face import Resources
from gitopsd.resources.requests import Requests
from gitopsd.resources.writeback import Writeback
from gitopsd.service import Addresses, Service
from gitopsd.source.credentials import Credentials as SourceCredentials
from gitopsd.source.network import Network, Request
from gitopsd.source.remote import Bounds
from gitopsd.source.secrets import SELECTOR, TRUST, RepositorySecrets
from gitopsd.source.signatures import Keyring
from gitopsd.source.sources import Repository, Sources
from gitopsd.source.trust import TrustedSources
from gitopsd.web.control import Control, Pushes
from gitopsd.web.elsewhere import Others
from gitopsd.web.events import Events

_log = structlog.get_logger()

_CHILDRENS_MODULES = ("gitopsd.rendering", "gitopsd.source.tree", "gitopsd.source.charts", "gitopsd.source.mirror")
"""What renders and network Git need, loaded once for all children."""


async def open_service(config: Config) -> Service:
    """A daemon as configured, ready to run. Raises StorageError where the history can't be opened, ConfigError for addresses."""
    clock = SystemClock()
    metrics = Metrics(clock)
    history = await _history(config, clock)
    ordered = dict(await history.standing())
    nursery = Nursery(_CHILDRENS_MODULES)
    sources = _sources(config, clock, _network(config, metrics, history, nursery))
    rendering = Pool("render", size=config.workers.renders or min(4, os.cpu_count() or 1), nursery=nursery)
    renderer = Renderer(rendering, sources.fetch, _bounds(config), helm=_helm(config), on_request=metrics.render_cache)
    watching = _Watching(metrics)
    sharing = _sharing(config, watching.listener(), clock, history, sources)
    clusters = Clusters(_clusters(config), _identity(config, sharing), watching.listener(), history)
    ports = Ports(_trusted(sources, config), renderer, clusters, history, clock)
    reconciler = _reconciler(config, ports)
    events = Events()
    declared = clusters.declared()
    writeback = Writeback(declared, clock)
    listeners = (metrics.observe, log_record, events.passed, writeback.passed)
    watchers = (events.changed, writeback.changed)
    left = Left(set(await history.applications()))
    agent = Agent(reconciler, listeners, watchers, workers=config.workers.syncs, ordered=ordered, left=left)
    watching.agent = agent
    _share(sharing, agent, metrics, writeback)
    metrics.queue_depth(agent.queue.__len__)
    _watch(metrics, {"renders": renderer.use, "receipts": clusters.receipts, "folders": sources.folders})
    resources = Resources(declared, ApplicationResources(config.known_clusters), writeback, Requests(agent, writeback))
    scan = _Scan(ApplicationFiles(config), config.defaults, agent, clusters, history, metrics, events, resources)
    timers = Timers(agent, sources, Polling(config.polling.interval.total_seconds(), config.polling.jitter), scan)
    _follow(config, declared, resources.requests, timers)
    _follow_secrets(config, clusters, watching, sources.secrets)
    checks = Readiness(history, clusters.status, sharing.membership.exclusion if sharing else None).checks
    explain = Explainer(ports, renderer.explain, sources.blame, config.field_manager).explain
    orders = Orders(agent, history, sources, clock)
    returns = Returns(orders, _prometheus(config))
    pushes = Pushes(_webhook_secret(config), timers.pushed, clock.now)
    control = Control(agent, orders, history, timers.refresh, checks, metrics.exposition, explain, pushes, events, _token(config))
    control = replace(control, others=Others(sharing.membership) if sharing else None)
    clusters.seek()
    children = (rendering.aclose, sources.aclose, nursery.aclose)
    close = partial(_close, returns.close, writeback.close, clusters.close, *children, history.close)
    return Service(_addresses(config), agent, timers, control, history, scan, close, sharing)


def _sharing(config: Config, listener: Listener, clock: SystemClock, history: History, sources: Sources) -> Sharing | None:
    """What this gitopsd is among others, where there are any."""
    wanted, mode = config.replicas, Mode(config.replicas.mode)
    if mode is Mode.SINGLE:
        return None
    name = wanted.name or f"{re.sub('[^-a-z0-9]+', '-', socket.gethostname().lower()).strip('-')}-{secrets.token_hex(3)}"
    host = f"[{wanted.address}]" if ":" in wanted.address else wanted.address
    address = f"http://{host}:{config.server.listen.rpartition(':')[2]}" if host else ""
    (own,) = (cluster for cluster in _clusters(config) if cluster.name == config.own_cluster.name)
    leases = Leases(own, _identity(config, None), listener)
    me = Lease(name, f"{name}_{secrets.token_hex(4)}", mode, address)
    return Sharing(Membership(me, leases, clock), history, sources.distrust)


def _share(sharing: Sharing | None, agent: Agent, metrics: Metrics, writeback: Writeback) -> None:
    """The agent shares the applications with other replicas, or has them all."""

    def let_go(key: AppKey) -> None:
        metrics.forget(key)
        writeback.forget(key)

    known = lambda: len(agent.statuses())  # noqa: E731
    if sharing is None:
        metrics.shares(known, known, lambda: 1, lambda: True)
        return
    membership = sharing.membership
    sharing.among(agent, let_go)
    writeback.holds = membership.holds
    leads = lambda: membership.alive and (bool(sharing.held) or membership.me.mode is Mode.SHARDS)  # noqa: E731
    metrics.shares(known, sharing.held.__len__, lambda: len(membership.roll.names), leads)
    metrics.tenure(membership.me.name, lambda: membership.alive)


def _watch(metrics: Metrics, caches: Mapping[str, Callable[[], CacheUse]]) -> None:
    """Counts what caches hold, and turns of the daemon's own loop that were too long; a program that embeds us has another."""
    for name, use in caches.items():
        metrics.cache(name, use)
    loop = asyncio.get_running_loop()
    if isinstance(loop, WatchedLoop):
        loop.listen(metrics.loop_blocked)


async def _close(*parts: Callable[[], Awaitable[None]]) -> None:
    """Ends the parts in this order."""
    for end in parts:
        await end()


async def _history(config: Config, clock: SystemClock) -> History:
    history = await History.open(config.storage.history, clock, _retention(config), config.storage.password)
    for notice in history.notices:
        _log.warning(notice)
    return history


def _reconciler(config: Config, ports: Ports) -> Reconciler:
    marking = Marking(config.installation, config.namespace)
    return Reconciler(ports, marking, config.field_manager, keyed_mask(secrets.token_bytes(32)))


@dataclass(slots=True)
class _Watching:
    """What clusters tell: metrics count it, and the agent looks at the applications it concerns."""

    metrics: Metrics
    agent: Agent | None = None

    def listener(self) -> Listener:
        return Listener(
            on_change=lambda app, _: self._look((app,), TriggerKind.WATCH),
            on_connection=self._connection,
            on_request=self.metrics.api_request,
        )

    def all(self) -> None:
        """Other clusters are there, or reached in another way."""
        if self.agent:
            self._look(tuple(status.app.key for status in self.agent.statuses()), TriggerKind.WATCH)

    def _connection(self, cluster: str, ok: bool, message: str) -> None:  # noqa: FBT001 - the listener's signature
        if ok:
            _log.info("cluster connected", cluster=cluster)
            statuses = self.agent.statuses() if self.agent else ()
            self._look(tuple(status.app.key for status in statuses if self._goes_to(status.app, cluster)), TriggerKind.WATCH)
        else:
            _log.warning("cluster lost", cluster=cluster, reason=message)

    def _goes_to(self, app: App, cluster: str) -> bool:
        try:
            return self.agent is not None and self.agent.reconciler.ports.cluster.target(app).name == cluster
        except ClusterError:
            return False  # no cluster's

    def _look(self, keys: tuple[AppKey, ...], kind: TriggerKind) -> None:
        if self.agent:
            self.agent.trigger(keys, kind)


@dataclass(slots=True)
class _Scan:
    """Reads the declared documents again, in files and in the cluster, and has the agent take over what changed."""

    files: ApplicationFiles
    defaults: Defaults
    agent: Agent
    clusters: Clusters
    history: History
    metrics: Metrics
    events: Events
    resources: Resources
    said: frozenset[str] = frozenset()
    taken: tuple[Scan, int] | None = None
    """The scan that was taken over last, and how often applications had become others by then."""

    async def __call__(self) -> None:
        scan = joined(await asyncio.to_thread(self.files.scan), self.resources.scan())
        if self.taken != (scan, self.agent.restatements):  # while nothing happens, a thousand applications cost nothing
            await self._take_over(scan)
        self.resources.heed(scan)

    async def _take_over(self, scan: Scan) -> None:
        known = {status.app.key: status.app for status in self.agent.statuses()}
        apps = {app.key: replace(app, settings=_settings(app, self.defaults)) for app in scan.with_projects}
        whole = scan.whole and all(problem.app for problem in scan.problems)
        gone = self.agent.adopt(apps, scan.complaints, whole=whole)
        self.taken = scan, self.agent.restatements
        for key in gone:
            _log.info("application left the configuration", application=str(key))
            self.metrics.forget(key)
            self.events.forget(key)
            self.resources.writeback.forget(key)
            if self.agent.holds(key):
                await self.clusters.forget(known[key])
                await self.history.forget(key)
        self.metrics.config_problems(len(scan.problems))
        said = frozenset(str(problem.error) for problem in (*scan.problems, *scan.warnings))
        for text in sorted(said - self.said):
            _log.warning("configuration", problem=text)
        self.said = said


def _follow(config: Config, declared: Declared, requests: Requests, timers: Timers) -> None:
    """Resources ask for refreshes, which timers do, and their changes for a scan."""
    requests.refresh = timers.refresh
    for place in filter(None, (source.cluster for source in config.applications)):
        declared.follow(place.selector, place.namespaces, place.projects, timers.scan_soon)


def _addresses(config: Config) -> Addresses:
    return Addresses(config.server.listen, config.server.metrics)


def _follow_secrets(config: Config, clusters: Clusters, watching: _Watching, credentials: RepositorySecrets | None) -> None:
    if place := config.cluster_secrets:
        clusters.follow_secrets(place.cluster, place.namespace, watching.all)
    if (place := config.repository_secrets) and credentials:
        home = f"/api/v1/namespaces/{place.namespace}"
        target = Target("repository Secrets", f"{home}/secrets", {"labelSelector": SELECTOR})
        credentials.watched = clusters.follow(place.cluster, target, credentials.take)
        for name in TRUST:
            target = Target(f"ConfigMap {name}", f"{home}/configmaps", {"fieldSelector": f"metadata.name={name}"})
            clusters.follow(place.cluster, target, partial(credentials.trust, name))


def _settings(app: App, defaults: Defaults) -> AppSettings:
    own = settings(app, defaults)
    return AppSettings(
        report_drift=own.drift == "report",
        health_timeout=own.health_timeout.total_seconds(),
        prune_budget=own.prune_budget,
        adopt=adopts(app),
        conflicts=own.conflicts,
        depends_on=dependencies(app),
        approval=own.approval == "required",
        analysis=analysis(app),
        probation=own.rollback_within.total_seconds() if own.rollback_on == "degraded" else 0.0,
    )


def _bounds(config: Config) -> RenderBounds:
    bounds = config.limits
    yaml = yamlread.Limits(bounds.file_size, bounds.documents, bounds.depth, aliased=bounds.aliases)
    limits = Limits(objects=bounds.objects, files=bounds.files, bytes=bounds.size, layers=bounds.layers, yaml=yaml)
    return RenderBounds(bounds.render_time.total_seconds(), limits)


def _helm(config: Config) -> Helm | None:
    return Helm(config.helm.program, config.helm.timeout.total_seconds()) if config.helm.enabled else None


def _prometheus(config: Config) -> Prometheus:
    own = config.prometheus
    token, authorities = (file.read if file else lambda: None for file in (own.token_file, own.ca_file))
    return Prometheus(own.url, own.timeout.total_seconds(), token, authorities)


def _retention(config: Config) -> Retention:
    kept = config.storage.retention
    return Retention(kept.count, kept.age)


def _token(config: Config) -> Callable[[], str | None]:
    file = config.server.token_file
    return file.read if file else lambda: None


def _webhook_secret(config: Config) -> Callable[[str], bytes | None]:
    files: dict[str, SecretFile | None] = dict(config.webhooks)

    def secret(server: str) -> bytes | None:
        file = files[server]
        return file.read().encode() if file else None

    return secret


def _identity(config: Config, tenure: Tenure | None) -> Identity:
    health = partial(assess, own=own_rules(config.health))
    return Identity(config.installation, config.field_manager, config.namespace, health, tenure or Alone())


def _clusters(config: Config) -> list[ClusterConfig]:
    return [ClusterConfig(c.name, c.server, str(c.kubeconfig) if c.kubeconfig else "", c.context) for c in config.clusters]


def _network(config: Config, metrics: Metrics, history: History, nursery: Nursery) -> Network:
    def count(request: Request) -> None:
        metrics.git_request(request.repository, request.result, request.seconds)
        for move in request.moves:
            if move.forced:
                _log.warning("rewritten in Git", repository=request.repository, ref=move.ref, old=move.old, new=move.new)
            elif not move.new:
                _log.warning("deleted in Git", repository=request.repository, ref=move.ref, old=move.old)

    bounds = Bounds(idle=config.polling.timeout.total_seconds(), size=config.limits.fetch_size)
    return Network(bounds, count, history.commits, nursery)


def _sources(config: Config, clock: SystemClock, network: Network) -> Sources:
    repositories = [Repository(entry.url, _credentials(entry.credentials)) for entry in config.repositories]
    declared = RepositorySecrets() if config.repository_secrets else None
    return Sources(config.storage.mirrors, clock, repositories=repositories, secrets=declared, network=network)


def _trusted(sources: Sources, config: Config) -> TrustedSources:
    return TrustedSources(sources, Keyring(config.signatures.openpgp, config.signatures.allowed_signers))


def _credentials(given: Credentials) -> SourceCredentials:
    def path(file: SecretFile | None) -> Path | None:
        return file.path if file else None

    return SourceCredentials(
        username=given.username,
        password=path(given.password_file),
        token=path(given.token_file),
        ssh_key=path(given.ssh_key_file),
        ssh_passphrase=path(given.ssh_passphrase_file),
        known_hosts=path(given.known_hosts_file),
        ca=path(given.ca_file),
        proxy=path(given.proxy_file),
        insecure_skip_tls_verify=given.insecure_skip_tls_verify,
        insecure_ignore_host_key=given.insecure_ignore_host_key,
        insecure_send_unencrypted=given.insecure_send_unencrypted,
    )
