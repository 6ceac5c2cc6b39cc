"""What contradicts itself in the configuration, though each value alone is fine.

The rules look at the document as it was written, not at the values made of it: so they speak even where something else in
the document is wrong, and everything is said at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitopsd.config.documents import Path
from gitopsd.config.model import IN_CLUSTER

Finding = tuple[Path, str]
"""Where, and what is wrong there."""

_WAYS_IN = {
    "tokenFile": "a token",
    "passwordFile": "a password",
    "sshKeyFile": "an SSH key",
    "githubApp": "a GitHub App",
}
_NEEDS = {
    "passwordFile": ("username", "usernameFile"),
    "sshPassphraseFile": ("sshKeyFile",),
    "clientCertificateFile": ("clientKeyFile",),
    "clientKeyFile": ("clientCertificateFile",),
}
_NOT_YET = ("clientCertificateFile", "githubApp")


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is a mapping, else an empty one: that it is none is the schema's to say."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The items of a list that are mappings, with their places."""
    if isinstance(value, list):
        yield from ((index, item) for index, item in enumerate(value) if isinstance(item, dict))


def contradictions(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything in a document of kind Config that can't be meant."""
    yield from _server(mapping(config.get("server")))
    yield from _storage(mapping(config.get("storage")))
    yield from _replicas(config)
    yield from _clusters(config.get("clusters"))
    yield from _secrets("clusterSecrets", config)
    yield from _secrets("repositorySecrets", config)
    yield from _repositories(config.get("repositories"))
    yield from _health(mapping(config.get("health")).get("rules"))
    for index, source in mappings(config.get("applications")):
        if bool(source.get("file")) == bool(source.get("cluster")):
            yield ("applications", index), "must have exactly one of file and cluster"
        if source.get("cluster") and not _has_own_cluster(config.get("clusters")):
            needs = f"needs an entry of clusters whose server is {IN_CLUSTER}: resources are read there"
            yield ("applications", index, "cluster"), needs


def _has_own_cluster(clusters: Any) -> bool:
    return clusters is None or any(cluster.get("server") == IN_CLUSTER for _, cluster in mappings(clusters))


def _server(server: Mapping[str, Any]) -> Iterator[Finding]:
    if server.get("listen") and server.get("listen") == server.get("metrics"):
        yield ("server", "metrics"), "is the address of listen too: each needs its own"


def _storage(storage: Mapping[str, Any]) -> Iterator[Finding]:
    if storage.get("passwordFile") and not str(storage.get("history")).startswith("postgresql:"):
        yield ("storage", "passwordFile"), "is for PostgreSQL, but history names another database"


def _replicas(config: Mapping[str, Any]) -> Iterator[Finding]:
    mode, history = mapping(config.get("replicas")).get("mode"), str(mapping(config.get("storage")).get("history"))
    if mode in ("leader", "shards") and not history.startswith("postgresql:"):
        yield ("replicas", "mode"), f"is {mode}, and replicas share one history: storage.history has to be a PostgreSQL database"


def _clusters(clusters: Any) -> Iterator[Finding]:
    if clusters == []:
        yield ("clusters",), "is empty: leave it out to have the cluster that gitopsd runs in, or name one"
    yield from _unique("clusters", "name", clusters)
    yield from _unique("clusters", "server", clusters)
    own = [index for index, cluster in mappings(clusters) if not cluster.get("kubeconfig")]
    for index in own[1:]:
        yield ("clusters", index), f"has no kubeconfig, and clusters[{own[0]}] already is the one that gitopsd runs in"
    for index, cluster in mappings(clusters):
        if cluster.get("context") and not cluster.get("kubeconfig"):
            yield ("clusters", index, "context"), "needs kubeconfig: the file that has this context"


def _secrets(section: str, config: Mapping[str, Any]) -> Iterator[Finding]:
    home = mapping(config.get(section)).get("cluster", "in-cluster")
    names = [cluster.get("name") for _, cluster in mappings(config.get("clusters", [{"name": "in-cluster"}]))]
    if config.get(section) is not None and home not in names:
        yield (section, "cluster"), "names no entry of clusters"


def _repositories(repositories: Any) -> Iterator[Finding]:
    yield from _unique("repositories", "url", repositories)
    for index, repository in mappings(repositories):
        credentials = mapping(repository.get("credentials"))
        for field, message in _credentials(credentials, str(repository.get("url"))):
            yield ("repositories", index, "credentials", *field), message


def _health(rules: Any) -> Iterator[Finding]:
    first: dict[tuple[str, str], int] = {}
    for index, rule in mappings(rules):
        if ("group" in rule) == ("apiVersion" in rule):
            yield ("health", "rules", index), "must have exactly one of group and apiVersion"
        group = str(rule.get("group", str(rule.get("apiVersion")).rpartition("/")[0]))
        if (group, rule.get("kind")) in (("", "Secret"), ("", "ConfigMap")):
            yield (
                ("health", "rules", index, "kind"),
                "has no rule: what Secrets and ConfigMaps hold is not watched, and must reach no message",
            )
        if (known := first.setdefault((group, str(rule.get("kind"))), index)) != index:
            yield ("health", "rules", index), f"is for the kind of health.rules[{known}] too: a kind has one rule"


def _credentials(credentials: Mapping[str, Any], url: str) -> Iterator[Finding]:
    ways = [field for field in _WAYS_IN if credentials.get(field)]
    if len(ways) > 1:
        yield (ways[1],), f"contradicts {ways[0]}: give {_WAYS_IN[ways[0]]} or {_WAYS_IN[ways[1]]}, not both"
    for field, needed in _NEEDS.items():
        if credentials.get(field) and not any(credentials.get(other) for other in needed):
            yield (field,), f"needs {' or '.join(needed)} beside it"
    if credentials.get("username") and credentials.get("usernameFile"):
        yield ("usernameFile",), "contradicts username: give one of them"
    yield from (((field,), "is not supported yet") for field in _NOT_YET if credentials.get(field))
    if credentials.get("sshKeyFile") and url.startswith(("http://", "https://")):
        yield ("sshKeyFile",), "is for SSH, but the repository's URL is HTTP"


def _unique(section: str, field: str, items: Any) -> Iterator[Finding]:
    """Two items of a list that have the same `field`."""
    first: dict[str, int] = {}
    for index, item in mappings(items):
        value = item.get(field)
        if isinstance(value, str) and value and first.setdefault(value, index) != index:
            yield (section, index, field), f"is the {field} of {section}[{first[value]}] too: each needs its own"
