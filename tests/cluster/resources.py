"""Application resources on the real API server: their definitions, and a daemon that takes those of one namespace."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from gitopsd.cluster.declared import APPLICATIONS, PROJECTS
from gitopsd.cluster.paths import collection, item
from gitopsd.model.refs import Object
from localcluster import LocalCluster
from localcluster.api import RequestError
from tests.cluster.daemon import Daemon
from tools.crds import application, project

LABEL = {"gitopsd.dev/managed": "true"}


def define(cluster: LocalCluster) -> None:
    """Installs our definitions, and returns when their kinds are served."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for definition in (application(), project()):
        cluster.api.ensure(definitions, definition)
        while not _established(cluster.api.get(f"{definitions}/{definition['metadata']['name']}")):
            continue


def _established(definition: Object) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)


@dataclass(slots=True)
class Land:
    """A daemon that takes the labelled Applications of `namespace`, which is also where they deploy to.

    AppProjects are those of the namespace `NAMESPACE-home`, which is there if a test needs it.
    """

    cluster: LocalCluster
    daemon: Daemon
    namespace: str

    def application(self, name: str, *, automated: bool = True, labels: Mapping[str, str] = LABEL, **spec: Any) -> Object:
        """An Application as people write it, of the folder that is called as it is."""
        source = {"repoURL": self.daemon.repo.url, "path": name, "targetRevision": "HEAD"}
        destination = {"server": "https://kubernetes.default.svc", "namespace": self.namespace}
        policy = {"syncPolicy": {"automated": {"prune": True, "selfHeal": True}}} if automated else {}
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": self.namespace, "labels": labels},
            "spec": {"project": "default", "source": source, "destination": destination, **policy, **spec},
        }

    def create(self, name: str, *, automated: bool = True, labels: Mapping[str, str] = LABEL, **spec: Any) -> None:
        """Creates one."""
        document = self.application(name, automated=automated, labels=labels, **spec)
        self.cluster.api.create(collection(APPLICATIONS, self.namespace), document)

    def get(self, name: str) -> Object:
        """One as it is."""
        return self.cluster.api.get(self._path(name))

    def exists(self, name: str) -> bool:
        """Whether it is there, though it may be on its way out."""
        try:
            self.get(name)
        except RequestError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def delete(self, name: str) -> None:
        """Somebody deletes it."""
        self.cluster.api.request("DELETE", self._path(name))

    def patch(self, name: str, patch: Object, manager: str = "hand") -> Object:
        """Somebody merges a patch into one."""
        path = f"{self._path(name)}?fieldManager={manager}"
        return self.cluster.api.request("PATCH", path, patch, "application/merge-patch+json")

    def status(self, name: str) -> Object:
        """Its status, empty where there is none yet."""
        return self.get(name).get("status") or {}

    def state(self, name: str) -> str:
        """`Synced Healthy` and the like, as the resource says it."""
        status = self.status(name)
        return f"{status.get('sync', {}).get('status')} {status.get('health', {}).get('status')}"

    def create_project(self, name: str, **spec: Any) -> None:
        """Creates an AppProject that permits any repository, and what is in the namespace; `spec` says otherwise, or more."""
        here = [self.namespace]
        permitted = {"sourceRepos": ["*"], "sourceNamespaces": here, "destinations": [{"server": "*", "namespace": here[0]}]}
        document = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": name},
            "spec": permitted | spec,
        }
        self.cluster.api.create(collection(PROJECTS, self._home), document)

    def patch_project(self, name: str, **spec: Any) -> None:
        """Somebody merges a patch into the spec of one, as `kubectl patch --type merge` does."""
        path = item(PROJECTS, self._home, name)
        self.cluster.api.request("PATCH", path, {"spec": spec}, "application/merge-patch+json")

    def delete_project(self, name: str) -> None:
        """Somebody deletes one."""
        self.cluster.api.request("DELETE", item(PROJECTS, self._home, name))

    def until_said(self, name: str, pattern: str, revision: str = "") -> None:
        """Waits until the pattern is found in a condition of the resource (`TYPE: MESSAGE`), and it stands at the revision."""

        def said() -> bool:
            status = self.status(name)
            conditions = [f"{one['type']}: {one['message']}" for one in status.get("conditions") or ()]
            known = status.get("sync", {}).get("revision")
            return revision in ("", known) and any(re.search(pattern, one) for one in conditions)

        self.daemon.until(said, lambda: f"{pattern!r}: {json.dumps(self.status(name), indent=1)}")

    def until_state(self, name: str, state: str) -> None:
        """Waits until the resource says so."""
        self.daemon.until(lambda: self.state(name) == state, lambda: json.dumps(self.get(name), indent=1))

    def config_map(self, name: str) -> Object | None:
        """A ConfigMap in the namespace, None where it is not there."""
        try:
            return self.cluster.api.get(f"/api/v1/namespaces/{self.namespace}/configmaps/{name}")
        except RequestError:
            return None

    @property
    def _home(self) -> str:
        return f"{self.namespace}-home"

    def _path(self, name: str) -> str:
        return item(APPLICATIONS, self.namespace, name)


def follow(daemon: Daemon, namespace: str, more: str = "") -> None:
    """Has the daemon take the labelled Applications of a namespace, in place of files; `more` are lines of its configuration."""
    config = daemon.folder / "config.yaml"
    source = f"- cluster: {{selector: gitopsd.dev/managed=true, namespaces: [{namespace}], projects: {namespace}-home}}"
    config.write_text(config.read_text().replace("- file: apps/*.yaml", source) + more)


@contextmanager
def land(cluster: LocalCluster, namespace: str, folder: Path, more: str = "") -> Iterator[Land]:
    """A running daemon for the resources of a namespace, and its repository; `more` are lines of its configuration."""
    define(cluster)
    daemon = Daemon(folder / "daemon", cluster, installation=namespace)
    follow(daemon, namespace, more)
    with daemon:
        yield Land(cluster, daemon, namespace)
