"""Many applications of four objects in one repository: ServiceAccount, ConfigMap, Service, and a Deployment of 0 replicas.

The same objects twice: as overlays on a shared base, for gitopsd, and as the bodies that a bare client applies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.gitrepo import Content

NAMESPACE = "fleet"
RESOURCES = {
    "serviceaccounts": "/api/v1/namespaces/{}/serviceaccounts",
    "configmaps": "/api/v1/namespaces/{}/configmaps",
    "services": "/api/v1/namespaces/{}/services",
    "deployments": "/apis/apps/v1/namespaces/{}/deployments",
}
"""The collections of the four kinds, in the order in which they are applied."""

_APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: argocd}}
spec:
  project: default
  source: {{repoURL: '{repository}', path: {path}}}
  destination: {{name: {cluster}, namespace: {namespace}}}
  syncPolicy: {{automated: {{prune: true, selfHeal: true}}}}
"""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What Git holds. `value` stands in each ConfigMap, `own` in that of single applications; no object comes from `note`.

    `more` are other files.
    """

    count: int
    value: str = "1"
    own: dict[int, str] = field(default_factory=dict)
    note: str = ""
    more: dict[str, Content] = field(default_factory=dict)

    def files(self) -> dict[str, Content]:
        """The repository."""
        base = {f"base/{plural}.json": json.dumps(obj) for plural, obj in _objects("app", self.value).items()}
        kustomization = json.dumps({"resources": [f"{plural}.json" for plural in RESOURCES]})
        overlays = {f"apps/{index}/kustomization.yaml": json.dumps(self._overlay(index)) for index in range(self.count)}
        return {"README.md": self.note, "base/kustomization.yaml": kustomization, **base, **overlays, **self.more}

    def _overlay(self, index: int) -> dict[str, Any]:
        overlay = {"namePrefix": f"a{index}-", "resources": ["../../base"], "labels": [{"pairs": {"team": "blue"}}]}
        if index not in self.own:
            return overlay
        patch = [{"op": "replace", "path": "/data/value", "value": self.own[index]}]
        return overlay | {"patches": [{"target": {"kind": "ConfigMap"}, "patch": json.dumps(patch)}]}

    def bodies(self, namespace: str, *plurals: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Path and body of each object, or of those of some kinds, as they are to be in `namespace`."""
        for index in range(self.count):
            for plural, obj in _objects(f"a{index}-app", self.value).items():
                if plural in (plurals or RESOURCES):
                    metadata = obj["metadata"] | {"namespace": namespace, "labels": {"team": "blue"}}
                    yield f"{RESOURCES[plural].format(namespace)}/{metadata['name']}", obj | {"metadata": metadata}

    def changed(self, **values: Any) -> Fleet:
        """Another commit."""
        return replace(self, **values)


def application(name: str, repository: str, path: str, cluster: str = "in-cluster") -> str:
    """The document of an application that prunes and heals."""
    return _APPLICATION.format(name=name, repository=repository, path=path, cluster=cluster, namespace=NAMESPACE)


def _objects(name: str, value: str) -> dict[str, dict[str, Any]]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"serviceAccountName": name, "containers": [{"name": "app", "image": "example.test/app:1"}]},
    }
    return {
        "serviceaccounts": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
        "configmaps": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}},
        "services": {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        },
        "deployments": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
        },
    }
