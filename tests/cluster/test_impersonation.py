"""An application whose project names a service account can do what that account may, and no more, on a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gitopsd.cluster import ClusterConfig, Clusters, Identity
from gitopsd.diff.mask import keyed_mask
from gitopsd.model.app import App, AppKey, AppSpec, Automated, Destination, Source, SyncPolicy
from gitopsd.model.project import Project
from gitopsd.model.record import Phase, SyncRecord
from gitopsd.model.refs import Object
from gitopsd.plan.qualify import Marking
from gitopsd.ports import Ports
from gitopsd.reconcile import Reconciler
from localcluster import LocalCluster
from tests.cluster.world import config_map, secret, service
from tests.fakes_history import FakeClock, FakeHistory
from tests.plan.test_confine import project
from tests.reconciling import POLL, GivenCommits
from tests.waiting import until

pytestmark = pytest.mark.cluster
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"


def application(name: str, namespace: str, **project_spec: Any) -> App:
    """An application that prunes, in a project of its own."""
    policy = SyncPolicy(automated=Automated(prune=True, self_heal=True, allow_empty=True))
    spec = AppSpec(Destination(name="local", namespace=namespace), "web", Source("repo", "path"), sync_policy=policy)
    given: Project = project(**project_spec)
    return App(AppKey("argocd", name), spec, project=given)


@dataclass(slots=True)
class Team:
    """A namespace whose service account `deployer` may do as its Role says, and a daemon that impersonates it there."""

    cluster: LocalCluster
    namespace: str
    clusters: Clusters
    git: GivenCommits = field(default_factory=GivenCommits)

    def may(self, *verbs: str, resources: tuple[str, ...] = ("configmaps",)) -> None:
        """What the account may do from now on."""
        rules = [{"apiGroups": ["", "batch"], "resources": list(resources), "verbs": list(verbs)}]
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "deployer"}, "rules": rules}
        path = f"{RBAC}/{self.namespace}/roles/deployer?fieldManager=test&force=true"
        self.cluster.api.request("PATCH", path, role, "application/apply-patch+yaml")

    async def sync(self, app: App, *manifests: Object) -> SyncRecord:
        """One pass over the application, whose commit holds these objects."""
        self.git.push(f"c{id(manifests)}", *manifests)
        ports = Ports(self.git, self.git, self.clusters, FakeHistory(), FakeClock())
        reconciler = Reconciler(ports, Marking("team", "gitopsd"), "gitopsd", keyed_mask(b"key"))
        return await reconciler.reconcile(app, POLL)

    def names(self, plural: str = "configmaps") -> set[str]:
        """The objects of a kind in the namespace, those that every namespace has aside."""
        items = self.cluster.api.get(f"/api/v1/namespaces/{self.namespace}/{plural}")["items"]
        return {item["metadata"]["name"] for item in items} - {"kube-root-ca.crt"}


@pytest.fixture
async def team(cluster: LocalCluster, namespace: str) -> AsyncIterator[Team]:
    """A team in a namespace of its own."""
    cluster.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "deployer"}})
    binding = {
        "metadata": {"name": "deployer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": namespace}],
    }
    cluster.api.create(f"{RBAC}/{namespace}/rolebindings", binding)
    configs = [ClusterConfig("local", kubeconfig=str(cluster.kubeconfig))]
    async with Clusters(configs, Identity(installation="team")) as clusters:
        yield Team(cluster, namespace, clusters)


ACCOUNT = {"destinationServiceAccounts": [{"server": "*", "namespace": "*", "defaultServiceAccount": "deployer"}]}


async def test_it_can_do_no_more_than_the_account(team: Team) -> None:
    """Dry runs, writes and prunes are the account's: what it may not do refuses the plan, by the server's own sentence."""
    app = application(team.namespace, team.namespace, **ACCOUNT)
    team.may("get", "create", "patch")
    record = await team.sync(app, config_map(team.namespace, "a"), config_map(team.namespace, "b"))
    assert (record.phase, team.names()) == (Phase.SUCCEEDED, {"a", "b"})

    record = await team.sync(
        app, config_map(team.namespace, "a", key="2"), config_map(team.namespace, "b"), service(team.namespace)
    )
    assert record.phase is Phase.FAILED
    assert "nothing was written: Service/" in record.message
    assert f'User "system:serviceaccount:{team.namespace}:deployer" cannot patch resource "services"' in record.message
    assert team.names("services") == set()

    record = await team.sync(app, config_map(team.namespace, "a"))
    assert record.phase is Phase.FAILED
    assert f'User "system:serviceaccount:{team.namespace}:deployer" cannot delete resource "configmaps"' in record.message
    assert team.names() == {"a", "b"}

    team.may("get", "create", "patch", "delete")
    record = await team.sync(app, config_map(team.namespace, "a"))
    assert record.phase is Phase.SUCCEEDED, record.message
    await until(lambda: team.names() == {"a"})


async def test_hooks_are_the_accounts_too(team: Team) -> None:
    """A hook is tried and made by the account like any other object."""
    app = application(team.namespace, team.namespace, **ACCOUNT)
    team.may("get", "create", "patch")
    hook = config_map(team.namespace, "before")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": team.namespace, "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "example.test/c:1"}]}}},
    }
    record = await team.sync(app, hook, job)
    assert record.phase is Phase.FAILED
    assert f'User "system:serviceaccount:{team.namespace}:deployer" cannot patch resource "jobs"' in record.message
    assert team.names() == set()


async def test_it_reads_no_more_than_the_account(team: Team) -> None:
    """What is live of an object is asked for by the account: a Secret that it may not read is not told of."""
    team.cluster.api.create(
        f"/api/v1/namespaces/{team.namespace}/secrets", secret(team.namespace, "login", password="aHVudGVyMg==")
    )
    app = application(team.namespace, team.namespace, **ACCOUNT)
    team.may("create", "patch", resources=("configmaps", "secrets"))
    record = await team.sync(app, secret(team.namespace, "login", user="YQ=="))
    assert record.phase in (Phase.FAILED, Phase.ERROR)
    assert f'User "system:serviceaccount:{team.namespace}:deployer" cannot get resource "secrets"' in record.message
    assert "hunter2" not in repr(record)
    assert "aHVudGVyMg" not in repr(record)


async def test_others_are_not_concerned(team: Team) -> None:
    """An application of a project without accounts is gitopsd's own business; one whose destination has none may do nothing."""
    record = await team.sync(application(f"other-{team.namespace}", team.namespace), service(team.namespace))
    assert (record.phase, team.names("services")) == (Phase.SUCCEEDED, {"api"})
    elsewhere = [{"server": "*", "namespace": "elsewhere", "defaultServiceAccount": "deployer"}]
    record = await team.sync(
        application(f"third-{team.namespace}", team.namespace, destinationServiceAccounts=elsewhere), config_map(team.namespace)
    )
    assert record.phase is Phase.ERROR
    assert record.message == "project web has no service account for this destination: add one to its destinationServiceAccounts"
