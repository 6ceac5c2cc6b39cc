"""Many small applications: overlays of one base in one repository, and the configuration of a daemon for them."""

from __future__ import annotations

from pathlib import Path

from localcluster import LocalCluster
from tests.gitrepo import Content, Repo

_BASE: dict[str, Content] = {
    "base/kustomization.yaml": "resources: [account.yaml, settings.yaml, service.yaml, deployment.yaml]\n",
    "base/account.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: app}\n",
    "base/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {key: value}\n",
    "base/service.yaml": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: app}\nspec: {selector: {app: app}, ports: [{port: 80}]}\n"
    ),
    "base/deployment.yaml": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec:\n  replicas: 0\n"
        "  selector: {matchLabels: {app: app}}\n  template:\n    metadata: {labels: {app: app}}\n"
        '    spec: {serviceAccountName: app, containers: [{name: app, image: "example.test/app:1"}]}\n'
    ),
}

_APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: app-{index}, namespace: argocd}}
spec:
  project: default
  source: {{repoURL: '{repository}', path: apps/{index}}}
  destination: {{name: local, namespace: default}}
  syncPolicy: {{automated: {{prune: true, selfHeal: true}}}}
"""


def overlays(count: int) -> dict[str, Content]:
    """The files of `count` overlays on a shared base: 4 objects each, named after their overlay."""
    return _BASE | {
        f"apps/{index}/kustomization.yaml": f"namePrefix: a{index}-\nresources: [../../base]\n" for index in range(count)
    }


def write_installation(folder: Path, cluster: LocalCluster, count: int) -> Path:
    """A repository and a configuration for `count` applications in `folder`; returns the configuration's path."""
    repo = Repo(folder / "repository.git")
    repo.commit(overlays(count))
    documents = (_APPLICATION.format(index=index, repository=repo.url) for index in range(count))
    (folder / "applications.yaml").write_text("---\n".join(documents))
    config = folder / "config.yaml"
    config.write_text(
        "apiVersion: gitopsd.dev/v1alpha1\nkind: Config\n"
        f"storage: {{history: 'sqlite:history.db', mirrors: mirrors}}\n"
        f"clusters: [{{name: local, kubeconfig: {cluster.kubeconfig}}}]\n"
        "applications: [{file: applications.yaml}]\n"
    )
    return config
