"""What a project permits of its applications: Argo CD's rules for AppProjects.

They are those of https://argo-cd.readthedocs.io/en/stable/user-guide/projects/. Where text and code disagree there, as on a list
of nothing but denials, the text counts: something has to permit, and nothing may deny. Each objection is a clause that names
project and rule, and says what to change.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import unquote

from gitopsd.formats.glob import glob
from gitopsd.model.app import App
from gitopsd.model.errors import ConfigError
from gitopsd.model.plan import DesiredSet, Refusal
from gitopsd.model.project import UNRESTRICTED, AllowedDestination, KindRule, OrphanKey, Project, Target
from gitopsd.model.refs import ObjectRef

_DENY = "!"
_NAMED = 5
_SCP_LIKE = re.compile(r"([^/:]+):(?!//)(.*)")
_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}


@dataclass(frozen=True, slots=True)
class Fence:
    """A project around one of its applications' destination: which objects are within."""

    project: Project = UNRESTRICTED
    target: Target = Target()  # noqa: RUF009 - frozen

    def objection(self, ref: ObjectRef) -> str:
        """Why an object is out of bounds; empty where it is not."""
        return self._namespaced(ref) if ref.namespace else self._cluster_wide(ref)

    def _cluster_wide(self, ref: ObjectRef) -> str:
        spec = self.project.spec
        if not self.target.cluster_resources:
            return f"cluster {self.target.name} is only there for objects in namespaces: see clusterResources of its Secret"
        if not any(_selects(rule, ref, by_name=True) for rule in spec.cluster_resource_whitelist):
            return self._unlisted(ref, "clusterResourceWhitelist")
        if any(_selects(rule, ref, by_name=True) for rule in spec.cluster_resource_blacklist):
            return self._denied(ref, "clusterResourceBlacklist")
        return ""

    def _namespaced(self, ref: ObjectRef) -> str:
        spec, target = self.project.spec, self.target
        allowed = spec.namespace_resource_whitelist
        if allowed is not None and not any(_selects(rule, ref) for rule in allowed):
            return self._unlisted(ref, "namespaceResourceWhitelist")
        if any(_selects(rule, ref) for rule in spec.namespace_resource_blacklist):
            return self._denied(ref, "namespaceResourceBlacklist")
        if target.namespaces and ref.namespace not in target.namespaces:
            return f"cluster {target.name} is limited to the namespaces {', '.join(target.namespaces)}: see its Secret"
        return destination_objection(self.project, target, ref.namespace)

    def _unlisted(self, ref: ObjectRef, rule: str) -> str:
        return f'project {self.project.name} does not permit it: add {{group: "{ref.group}", kind: {ref.kind}}} to its {rule}'

    def _denied(self, ref: ObjectRef, rule: str) -> str:
        return f"project {self.project.name} denies the kind {ref.group_kind}: see its {rule}"


def confined(desired: DesiredSet, fence: Fence) -> DesiredSet:
    """The set, with a refusal for each object that the project does not permit."""
    objections = ((want.ref, fence.objection(want.ref)) for want in desired.objects)
    refused = tuple(Refusal(ref, "NotPermitted", objection) for ref, objection in objections if objection)
    return replace(desired, refusals=desired.refusals + refused) if refused else desired


def violations(app: App, target: Target) -> tuple[str, ...]:
    """What is wrong with the application itself in the eyes of its project, whatever it renders to."""
    project = app.project
    if project is None:
        how = "make or mend its AppProject, or name another in spec.project"
        return (f"there is no project {app.spec.project} that gitopsd can read: {how}",)
    return tuple(_violations(app, project, target))


def _violations(app: App, project: Project, target: Target) -> Iterator[str]:
    name, spec, namespace = project.name, project.spec, app.key.namespace
    if namespace != project.namespace and not any(_matches(pattern, namespace) for pattern in spec.source_namespaces):
        yield f"project {name} does not permit applications of the namespace {namespace}: add it to its sourceNamespaces"
    for url in dict.fromkeys(source.repo_url for source in app.sources):
        if objection := _source_objection(project, url):
            yield objection
    if objection := destination_objection(project, target, app.spec.destination.namespace):
        yield objection
    if target.project and target.project != name:
        yield f"cluster {target.name} is there for project {target.project} alone: see project in its Secret"
    elif spec.permit_only_project_scoped_clusters and not target.project:
        yield f"project {name} permits only clusters of its own: set project in the Secret of {target.name}, or permit others"
    if spec.destination_service_accounts and account(app, target) is None:
        yield f"project {name} has no service account for this destination: add one to its destinationServiceAccounts"


def _source_objection(project: Project, url: str) -> str:
    spelled = _normalised(url)
    for pattern in project.spec.source_repos:
        if pattern.startswith(_DENY) and _permits(pattern[1:], spelled):
            return f"project {project.name} denies the repository {spelled}: see {pattern!r} in its sourceRepos"
    if any(not pattern.startswith(_DENY) and _permits(pattern, spelled) for pattern in project.spec.source_repos):
        return ""
    return f"project {project.name} does not permit the repository {spelled}: add it to its sourceRepos"


def destination_objection(project: Project, target: Target, namespace: str) -> str:
    """Why nothing may live in this namespace of this cluster; empty where something may."""
    where = f"namespace {namespace or '(none)'} of cluster {target.server or target.name}"
    permitted = False
    for rule in project.spec.destinations:
        if _is_denial(rule):
            if _denies(rule, target, namespace):
                return f"project {project.name} denies the {where}: see the denials among its destinations"
        else:
            permitted |= _at(rule, target) and _matches(rule.namespace, namespace)
    return "" if permitted else f"project {project.name} does not permit the {where}: add it to its destinations"


def account(app: App, target: Target) -> str | None:
    """The user (`system:serviceaccount:NAMESPACE:NAME`) that acts for the application.

    Empty where its project names none for anywhere; None where it does, but none for here. The first rule that fits counts.
    """
    namespace = app.spec.destination.namespace
    rules = app.project.spec.destination_service_accounts if app.project else ()
    for rule in rules:
        if _matches(rule.server, target.server) and _matches(rule.namespace, namespace):
            home, _, name = rule.default_service_account.rpartition(":")
            return f"system:serviceaccount:{home or namespace}:{name}"
    return None if rules else ""


def orphan_warning(app: App, found: Iterable[ObjectRef]) -> str:
    """What is said of objects in the application's namespace that nobody answers for; empty where its project ignores all."""
    rules = app.project.spec.orphaned_resources if app.project else None
    if rules is None or rules.warn is False:
        return ""
    left = sorted(ref for ref in found if not any(_ignores(rule, ref) for rule in rules.ignore))
    some = ", ".join(map(str, left[:_NAMED])) + (", ..." if len(left) > _NAMED else "")
    return f"namespace {app.spec.destination.namespace} has {len(left)} orphaned resources: {some}" if left else ""


def _ignores(rule: OrphanKey, ref: ObjectRef) -> bool:
    parts = ((rule.group, ref.group), (rule.kind, ref.kind), (rule.name, ref.name))
    return all(not pattern or _matches(pattern, value) for pattern, value in parts)


def _is_denial(rule: AllowedDestination) -> bool:
    return any(part.startswith(_DENY) for part in (rule.server, rule.name, rule.namespace))


def _denies(rule: AllowedDestination, target: Target, namespace: str) -> bool:
    """Whether what it denies is met, and all that it says without `!` too."""
    parts = [(rule.namespace, namespace)]
    parts += [(said, known) for said, known in ((rule.server, target.server), (rule.name, target.name)) if said]
    denied = [_matches(said[1:], known) for said, known in parts if said.startswith(_DENY)]
    given = [_matches(said, known) for said, known in parts if not said.startswith(_DENY)]
    return any(denied) and all(given)


def _at(rule: AllowedDestination, target: Target) -> bool:
    return _matches(rule.server, target.server) or bool(rule.name and target.name and _matches(rule.name, target.name))


def _matches(pattern: str, value: str) -> bool:
    return pattern == "*" or glob(pattern).fullmatch(value) is not None


def _selects(rule: KindRule, ref: ObjectRef, *, by_name: bool = False) -> bool:
    if by_name and rule.name and not _matches(rule.name, ref.name):
        return False
    return _matches(rule.group, ref.group) and _matches(rule.kind, ref.kind)


def _permits(pattern: str, spelled: str) -> bool:
    return pattern == "*" or glob(_normalised(pattern), "/").fullmatch(spelled) is not None


@lru_cache(4096)  # for each look at each application
def _normalised(url: str) -> str:
    """One spelling for all those of a repository, in which no `..`, escape, user or port leads around a rule."""
    text = unquote(url.strip()).lower()
    if "://" not in text and (match := _SCP_LIKE.fullmatch(text)):
        text = f"ssh://{match[1]}/{match[2]}"
    scheme, found, rest = text.partition("://")
    host, slash, path = rest.partition("/") if found else ("", "", text)
    host = host.rpartition("@")[2].removesuffix(f":{_PORTS.get(scheme, '')}")
    path = posixpath.normpath(slash + path).lstrip("/").removesuffix(".git") if path else path
    return f"{scheme}://{host}/{path}" if found else path


def objections_of(apps: Iterable[App], targets: Iterable[Target]) -> Iterator[tuple[App, str]]:
    """What projects object to in applications whose cluster is among `targets`."""
    known = tuple(targets)
    for app in apps:
        said = app.spec.destination
        for target in known:
            if said.name == target.name if said.name else said.server.rstrip("/") == target.server.rstrip("/"):
                yield from ((app, objection) for objection in violations(app, target))


def fence_of(app: App, target: Target) -> Fence:
    """What the application's project permits it at its destination. Raises ConfigError where that is nothing."""
    objections = violations(app, target)
    if objections or app.project is None:
        raise ConfigError("; ".join(objections))
    return Fence(app.project, target)
