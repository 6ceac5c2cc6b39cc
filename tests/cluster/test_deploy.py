"""gitopsd's own installation on a real API server: it becomes available, and may do what it should and no more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from demo.daemon import Daemon
from demo.repository import make_repository
from gitopsd.model.refs import Object
from localcluster import LocalCluster
from localcluster.api import Api, RequestError
from tests.rendering import gitopsd_builds
from tests.waiting import until

INSTALLATION = "deploy/overlays/namespaced"


class Applier:
    """Server-side apply, by plain requests: what `kubectl apply --server-side` does."""

    def __init__(self, api: Api) -> None:
        """`api` says who applies."""
        self._api = api
        self._plural = cache(self._discovered)

    def apply(self, document: Object, *, dry_run: bool = False) -> Object:
        """The server's answer; raises RequestError where it refuses."""
        query = {"fieldManager": "installer", "force": "true", "fieldValidation": "Strict"} | (
            {"dryRun": "All"} if dry_run else {}
        )
        return self._api.request("PATCH", f"{self.path(document)}?{urlencode(query)}", document, "application/apply-patch+yaml")

    def live(self, document: Object) -> Object:
        """What is there; raises RequestError where nothing is."""
        return self._api.get(self.path(document))

    def exists(self, document: Object) -> bool:
        """Whether it is there, though it may be on its way out."""
        try:
            self.live(document)
        except RequestError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def path(self, document: Object) -> str:
        """`/apis/apps/v1/namespaces/gitopsd/deployments/gitopsd`."""
        metadata: Mapping[str, str] = document["metadata"]
        folder = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        root = self.root(document["apiVersion"])
        return f"{root}{folder}/{self._plural(document['apiVersion'], document['kind'])}/{metadata['name']}"

    @staticmethod
    def root(api_version: str) -> str:
        """Where a group's version is served."""
        return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"

    def _discovered(self, api_version: str, kind: str) -> str:
        resources = self._api.get(self.root(api_version))["resources"]
        return next(str(found["name"]) for found in resources if found["kind"] == kind and "/" not in found["name"])


@pytest.fixture(scope="module")
def installed(cluster: LocalCluster) -> Iterator[Applier]:
    """gitopsd as `deploy/` installs it, in the order in which our engine gives it."""
    applier = Applier(cluster.api)
    objects = gitopsd_builds(INSTALLATION)
    for document in objects:
        applier.apply(document)
    yield applier
    for document in reversed(objects):
        cluster.api.request("DELETE", applier.path(document))
    # Other tests keep their inventories in a namespace of the same name, which can't be made again before it is gone.
    while applier.exists(objects[0]):
        time.sleep(0.05)


def deployment(applier: Applier, objects: list[Object]) -> Object:
    """The only Deployment, as it is live."""
    (found,) = (document for document in objects if document["kind"] == "Deployment")
    return applier.live(found)


def is_available(live: Object) -> bool:
    """Whether a Deployment's own controller says so."""
    return any(
        found["type"] == "Available" and found["status"] == "True" for found in live.get("status", {}).get("conditions", [])
    )


async def test_installation_becomes_available(installed: Applier) -> None:
    """The claim is bound, the restricted pod is admitted and scheduled, the Deployment is available."""
    objects = gitopsd_builds(INSTALLATION)
    await until(lambda: is_available(deployment(installed, objects)))


def content(document: Object) -> Object:
    """What a person would change: all but status and what the server keeps in metadata."""
    metadata = {name: document["metadata"].get(name) for name in ("name", "namespace", "labels", "annotations", "generation")}
    return {**{name: value for name, value in document.items() if name != "status"}, "metadata": metadata}


async def test_installing_twice_changes_nothing(installed: Applier) -> None:
    """The manifests say nothing that the server or a controller would turn back."""
    objects = gitopsd_builds(INSTALLATION)
    await until(lambda: is_available(deployment(installed, objects)))
    for document in objects:
        assert content(installed.apply(document, dry_run=True)) == content(installed.live(document))


@pytest.fixture
def account(cluster: LocalCluster, installed: Applier) -> Api:
    """The API server, asked with the token that gitopsd's pod has."""
    answer = cluster.api.create("/api/v1/namespaces/gitopsd/serviceaccounts/gitopsd/token", {"spec": {}})
    return replace(cluster.api, token=answer["status"]["token"])


def may(account: Api, verb: str, resource: str, namespace: str = "", name: str = "") -> bool:
    """What the API server answers to `kubectl auth can-i`; `resource` is `deployments.apps` or `pods/exec`."""
    plural, _, group = resource.partition(".")
    plural, _, subresource = plural.partition("/")
    asked: dict[str, Any] = {
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": subresource,
        "namespace": namespace,
        "name": name,
    }
    review = account.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {"resourceAttributes": asked}})
    return bool(review["status"]["allowed"])


async def test_account_may_do_what_it_needs(account: Api) -> None:
    """Inventories, watches of what it deploys, admission rules, and writing where it was bound."""
    await until(lambda: may(account, "patch", "deployments.apps", "monitor"))  # the roles are aggregated by a controller
    for verb, resource, namespace in (
        ("create", "configmaps", "gitopsd"),
        ("watch", "deployments.apps", ""),
        ("list", "secrets", ""),
        ("watch", "customresourcedefinitions.apiextensions.k8s.io", ""),
        ("list", "validatingadmissionpolicies.admissionregistration.k8s.io", ""),
        ("watch", "apiservices.apiregistration.k8s.io", ""),
        ("create", "services", "monitor"),
        ("delete", "configmaps", "monitor"),
    ):
        assert may(account, verb, resource, namespace), (verb, resource, namespace)


async def test_account_may_do_no_more(account: Api) -> None:
    """Nothing in other namespaces, nothing below a pod, nothing that would make it more than it is."""
    await until(lambda: may(account, "patch", "deployments.apps", "monitor"))
    for verb, resource, namespace in (
        ("patch", "deployments.apps", "default"),
        ("delete", "services", "kube-system"),
        ("create", "configmaps", "default"),
        ("create", "pods/exec", "monitor"),
        ("create", "serviceaccounts/token", "monitor"),
        ("deletecollection", "configmaps", "monitor"),
        ("bind", "roles.rbac.authorization.k8s.io", "monitor"),
        ("escalate", "roles.rbac.authorization.k8s.io", "monitor"),
        ("patch", "clusterroles.rbac.authorization.k8s.io", ""),
        ("create", "customresourcedefinitions.apiextensions.k8s.io", ""),
        ("delete", "namespaces", "monitor"),
        ("impersonate", "serviceaccounts", "monitor"),
    ):
        assert not may(account, verb, resource, namespace), (verb, resource, namespace)


async def test_daemon_with_that_account_deploys_the_sample(cluster: LocalCluster, account: Api, tmp_path: Path) -> None:
    """The rights of `namespaced` are enough for all that the daemon asks of the API server, from discovery to self-healing."""
    await until(lambda: may(account, "patch", "deployments.apps", "monitor"))
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig.read_text().replace(cluster.token, account.token))
    with Daemon(tmp_path, make_repository(tmp_path / "repository"), kubeconfig, context="") as daemon:
        await until(lambda: daemon.state() == "Synced, Healthy")


async def test_account_is_refused_elsewhere(account: Api) -> None:
    """The same in another environment's namespace: the API server refuses, and says who asked for what."""
    with pytest.raises(RequestError, match=r'cannot patch resource "namespaces".* in the namespace "monitor-stage"'):
        Applier(account).apply(gitopsd_builds("manifests/ops/overlays/stage")[0])


@pytest.mark.parametrize("environment", ["dev", "stage"])
async def test_environment_is_accepted_and_becomes_available(cluster: LocalCluster, environment: str) -> None:
    """Each overlay of the sample stands on its own: its Namespace is in it."""
    applier = Applier(cluster.api)
    objects = gitopsd_builds(f"manifests/ops/overlays/{environment}")
    for document in objects:
        applier.apply(document)
    deployments = [document for document in objects if document["kind"] == "Deployment"]
    await until(lambda: all(is_available(applier.live(document)) for document in deployments))
    cluster.api.request("DELETE", f"/api/v1/namespaces/{objects[0]['metadata']['name']}")


@pytest.mark.parametrize("overlay", ["cluster-wide", "applications", "replicated"])
async def test_other_installations_are_accepted(cluster: LocalCluster, installed: Applier, overlay: str) -> None:
    """The other overlays pass the server's dry run, and differ by who may do what, and by the kinds they define."""
    for document in gitopsd_builds(f"deploy/overlays/{overlay}"):
        installed.apply(document, dry_run=True)


async def test_account_may_show_how_applications_stand(cluster: LocalCluster, installed: Applier, account: Api) -> None:
    """For applications that are resources: it reads them and their projects, and writes into them; it makes and deletes none."""
    built = gitopsd_builds("deploy/overlays/applications")
    rights = [found for found in built if found["kind"].startswith("ClusterRole")]
    roles = [found for found in rights if found["metadata"]["name"] == "gitopsd-applications"]
    for document in roles:
        installed.apply(document)
    await until(lambda: may(account, "patch", "applications.argoproj.io", "argocd"))
    assert may(account, "watch", "applications.argoproj.io")
    assert may(account, "list", "appprojects.argoproj.io")
    for verb in ("create", "update", "delete"):
        assert not may(account, verb, "applications.argoproj.io", "argocd"), verb
    assert not may(account, "patch", "appprojects.argoproj.io", "argocd")
    for document in roles:
        cluster.api.request("DELETE", installed.path(document))
