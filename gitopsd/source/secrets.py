"""Argo CD's repository Secrets: credentials that stand in a cluster, and not in files that the configuration names.

The format is https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#repositories. A Secret labelled
`repository` is for just its URL, one labelled `repo-creds` for all URLs below its own. What they hold is in memory alone, goes to
the child that needs it over its pipe, and is never shown. What can't be honoured of one is refused for its repositories, by name:
to go on without would be to ask as somebody else.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from gitopsd.model.app import AppKey
from gitopsd.model.errors import ClusterError, SourceError
from gitopsd.model.refs import Object
from gitopsd.source.credentials import TOKEN_USER, Access, check_encrypted
from gitopsd.source.downloads import location_of
from gitopsd.source.urls import Location, closest

LABEL = "argocd.argoproj.io/secret-type"
REPOSITORY, TEMPLATE = "repository", "repo-creds"
SELECTOR = f"{LABEL} in ({REPOSITORY},{TEMPLATE})"
TRUST = ("argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm")
"""The ConfigMaps that say which SSH servers are trusted, and which certificates besides the system's, by host."""

_REFUSED = {
    "githubAppID": "a GitHub App",
    "githubAppPrivateKey": "a GitHub App",
    "tlsClientCertData": "a client certificate",
    "tlsClientCertKey": "a client certificate",
    "gcpServiceAccountKey": "a Google service account",
    "useAzureWorkloadIdentity": "an Azure workload identity",
    "azureServicePrincipalClientId": "an Azure service principal",
    "bearerToken": "a bearer token",
    "noProxy": "exceptions from its proxy (noProxy)",
}
"""What gitopsd can't do with what such a field holds."""
_TORN = "\0"
"""A value that is no text, and so no URL either."""
PATIENCE = 10.0
"""Seconds that a repository waits at the start for the Secrets to be known: before that it would fail for nothing."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a Secret says of repositories. A `project` has them for itself; `refusal` is why they can't be had, as a clause."""

    secret: str
    access: Access
    project: str = ""
    refusal: str = ""

    def over(self, template: Entry | None) -> Entry:
        """A repository without credentials of its own has those of its template; how its server is reached it says itself."""
        own = self.access
        if template is None or own.username or own.password or own.ssh_key or self.refusal:
            return self
        access = replace(
            own, username=template.access.username, password=template.access.password, ssh_key=template.access.ssh_key
        )
        return replace(template, access=access, project=self.project or template.project)


async def _not_watched(_: float) -> None:
    """Nobody watches them."""


@dataclass(slots=True)
class RepositorySecrets:
    """What the Secrets of a cluster say, as they are now. Before they are known for the first time nobody is let in.

    `watched` returns once they are known, within as many seconds, and raises ClusterError where they can't be.
    """

    watched: Callable[[float], Awaitable[None]] = _not_watched
    _known: bool = False
    _repositories: dict[str, Entry] = field(default_factory=dict)
    _templates: dict[str, Entry] = field(default_factory=dict)
    _trust: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _said: frozenset[str] = frozenset()

    def take(self, secrets: Mapping[AppKey, Object]) -> None:
        """These are all that there are now. One that is for no repository is logged, once."""
        repositories: dict[str, Entry] = {}
        templates: dict[str, Entry] = {}
        problems: set[str] = set()
        for key, secret in sorted(secrets.items()):
            name = f"Secret/{key}"
            entries = templates if secret["metadata"].get("labels", {}).get(LABEL) == TEMPLATE else repositories
            try:
                place, entry = read_secret(name, secret)
            except SourceError as error:
                problems.add(f"{name}: {error.message}")
                continue
            if place in entries:
                problems.add(f"{name}: {entries[place].secret} is for the same URL, and that one counts")
            else:
                entries[place] = entry
        self._known, self._repositories, self._templates = True, repositories, templates
        for problem in sorted(problems - self._said):
            _log.warning("repository Secret", problem=problem)
        self._said = frozenset(problems)

    def trust(self, name: str, found: Mapping[AppKey, Object]) -> None:
        """What the ConfigMap of this name, one of `TRUST`, says now, if it is there."""
        self._trust[name] = next((config_map.get("data") or {} for config_map in found.values()), {})

    async def ready(self, location: Location) -> None:
        """Returns once it is known what they say of the repository. Raises SourceError where that can't be found out for now."""
        if not self._known:
            try:
                await self.watched(PATIENCE)
            except ClusterError as error:
                raise SourceError(f"the repository Secrets can't be read: {error}", location.public) from error

    def permit(self, location: Location, project: str) -> None:
        """Raises SourceError where the repository is another project's, or nobody's: what is mirrored of it too."""
        entry = self._entry(location)
        if entry and entry.project not in ("", project):
            raise SourceError(f"{entry.secret} has it for the project {entry.project} alone", location.public)

    def access(self, location: Location) -> Access:
        """What they hold for a repository. Raises SourceError, which names the Secret that can't be used, and why."""
        entry = self._entry(location)
        access = entry.access if entry else Access()
        if access.password:
            check_encrypted(location)
        hosts, authorities = (self._trust.get(name, {}) for name in TRUST)
        return replace(
            access,
            username=access.username or location.user or (TOKEN_USER if access.password else ""),
            password=access.password or location.password,
            known_hosts=hosts.get("ssh_known_hosts", ""),
            ca=authorities.get(location.host, ""),
        )

    def _entry(self, location: Location) -> Entry | None:
        """What is said of a repository; one on the local disk is nobody's."""
        if location.scheme == "file":
            return None
        if not self._known:
            raise SourceError("the repository Secrets are not read yet", location.public)
        place = _place(location)
        template, own = closest(self._templates, place), self._repositories.get(place)
        entry = own.over(template) if own else template
        if entry and entry.refusal:
            raise SourceError(f"{entry.secret} {entry.refusal}", location.public)
        return entry


def read_secret(name: str, secret: Object) -> tuple[str, Entry]:
    """The place that a Secret is for, and what it says. Raises SourceError, without any of its values."""
    values = {field: _text(value) for field, value in (secret.get("data") or {}).items()}
    url = values.get("url", "").strip()
    if values.get("enableOCI") == "true" and "://" not in url:
        url = f"oci://{url}"
    place = _place(location_of(url))
    lax = values.get("insecure") == "true"
    access = Access(
        username=values.get("username", ""),
        password=values.get("password", ""),
        ssh_key=values.get("sshPrivateKey", ""),
        proxy=values.get("proxy", ""),
        verify_tls=not lax,
        verify_host_key=not (lax or values.get("insecureIgnoreHostKey") == "true"),
    )
    refused = dict.fromkeys(what for field, what in _REFUSED.items() if values.get(field, "false") not in ("", "false"))
    refused |= dict.fromkeys(f"a {field} that is no text" for field, value in values.items() if value == _TORN)
    refusal = (
        f"holds {', '.join(refused)}, which gitopsd has no use for: name the repository under repositories" if refused else ""
    )
    return place, Entry(name, access, values.get("project", ""), refusal)


def _place(location: Location) -> str:
    """One repository has many spellings, which Argo CD takes for one: by case, with `.git`, and `host:path` over SSH."""
    user = f"{location.user}@" if location.scheme == "ssh" and location.user else ""
    return f"{location.scheme}://{user}{location.server}/{location.path.removesuffix('.git')}".casefold().removesuffix("/")


def _text(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return _TORN
