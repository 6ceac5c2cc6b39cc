"""Credentials that Argo CD's repository Secrets hold, under the running daemon, with no right but the component's."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gitopsd.model.refs import Object
from gitopsd.source.secrets import LABEL
from localcluster import LocalCluster
from localcluster.api import RequestError
from tests.cluster.daemon import Daemon
from tests.rendering import ROOT
from tests.source.server import GitServer, certificate

pytestmark = pytest.mark.cluster
SECRET = "hunter2-of-the-repository"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"


@dataclass(slots=True)
class Home:
    """A daemon whose application has a private repository, and the namespace where the Secrets are."""

    daemon: Daemon
    server: GitServer
    url: str
    cluster: LocalCluster
    namespace: str

    def tell(self, **values: str) -> None:
        """Makes or changes the repository's Secret."""
        path = f"/api/v1/namespaces/{self.namespace}/secrets"
        document = {"metadata": {"name": "shop", "labels": {LABEL: "repository"}}, "data": encoded({"url": self.url} | values)}
        try:
            self.cluster.api.create(path, document)
        except RequestError:
            self.cluster.api.request("PUT", f"{path}/shop", document)

    def until_said(self, words: str) -> None:
        """Waits for the words in a condition."""
        self.daemon.until(lambda: any(words in one["message"] for one in self.daemon.app("shop")["conditions"]))


def encoded(values: dict[str, str]) -> dict[str, str]:
    """As the `data` of a Secret."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def account(cluster: LocalCluster, namespace: str, folder: Path) -> Path:
    """A kubeconfig with the rights that `deploy/components/repository-secrets` gives, in the namespace of the test."""
    api = cluster.api
    api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "gitopsd"}})
    (role, binding) = yaml.safe_load_all((ROOT / "deploy/components/repository-secrets/rbac.yaml").read_text())
    here = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    subjects = [subject | {"namespace": namespace} for subject in binding["subjects"]]
    for plural, document in (("roles", role), ("rolebindings", binding | {"subjects": subjects})):
        api.create(f"{here}/{plural}", document | {"metadata": {"name": document["metadata"]["name"]}})
    token = api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/gitopsd/token", {"spec": {}})["status"]["token"]
    file = folder / "account.kubeconfig"
    file.write_text(cluster.kubeconfig.read_text().replace(cluster.token, token))
    return file


@pytest.fixture
def home(cluster: LocalCluster, namespace: str, tmp_path: Path) -> Iterator[Home]:
    """Everything but the Secret."""
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    keys = (
        f"  - {{name: keys, server: 'https://keys.example', kubeconfig: {account(cluster, namespace, tmp_path)}}}\napplications:"
    )
    config = daemon.folder / "config.yaml"
    more = f"repositorySecrets: {{cluster: keys, namespace: {namespace}}}\n"
    config.write_text(config.read_text().replace("applications:", keys) + more)
    server = GitServer(daemon.repo.path.parent, f"bob:{SECRET}")
    with server.running(certificate(tmp_path / "tls")) as root:
        url = f"{root}/{daemon.repo.path.name}"
        daemon.declare("shop", namespace)
        document = daemon.folder / "apps" / "shop.yaml"
        document.write_text(document.read_text().replace(daemon.repo.url, url))
        with daemon:
            yield Home(daemon, server, url, cluster, namespace)


def test_credentials_come_from_the_cluster(home: Home) -> None:
    """A Secret lets it in, a changed one counts, one that asks for too much is refused by name; nothing of it is shown."""
    daemon, first = home.daemon, home.daemon.repo.commit({"app/a.yaml": CONFIG_MAP})
    home.until_said("certificate")  # nobody has said that it need not be known
    home.tell(insecure="true", username="bob", password=SECRET)
    daemon.until_synced("shop", first)
    history = daemon.text("/api/v1/applications/shop/history")
    daemon.kill()
    daemon.start()
    daemon.until_synced("shop", first)
    assert daemon.text("/api/v1/applications/shop/history") == history  # the start waits for them, and nothing fails

    home.server.login = f"bob:{SECRET}-rotated"
    second = daemon.repo.commit({"app/a.yaml": f"{CONFIG_MAP}data: {{key: value}}\n"})
    home.until_said("the server refuses the configured credentials")
    home.tell(insecure="true", username="bob", password=f"{SECRET}-rotated")
    daemon.until_synced("shop", second)

    home.tell(githubAppID="1", githubAppPrivateKey=SECRET)
    home.until_said(f"Secret/{home.namespace}/shop holds a GitHub App, which gitopsd has no use for")
    shown = [daemon.text(f"/api/v1/applications/shop{part}") for part in ("", "/history", "/resources")]
    assert SECRET not in "".join([daemon.log_text(), daemon.text("/metrics"), *shown])
    files = [file for file in daemon.folder.rglob("*") if file.is_file()]
    assert not any(SECRET.encode() in file.read_bytes() for file in files)


def test_the_component_gives_no_right_elsewhere(cluster: LocalCluster, namespace: str, tmp_path: Path) -> None:
    """Of other namespaces nothing can be read, and of other ConfigMaps of this one neither."""
    account(cluster, namespace, tmp_path)

    def may(verb: str, resource: str, where: str, name: str = "") -> bool:
        asked: Object = {"verb": verb, "resource": resource, "namespace": where, "name": name}
        spec = {"user": f"system:serviceaccount:{namespace}:gitopsd", "resourceAttributes": asked}
        answer = cluster.api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        return bool(answer["status"]["allowed"])

    assert may("watch", "secrets", namespace)
    assert may("watch", "configmaps", namespace, "argocd-ssh-known-hosts-cm")
    assert not may("watch", "configmaps", namespace)
    assert not may("patch", "secrets", namespace)
    assert not may("list", "secrets", "default")
