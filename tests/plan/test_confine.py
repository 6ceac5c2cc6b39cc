from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.config import read_documents, read_project
from gitopsd.config.documents import Document
from gitopsd.diff.compare import compare
from gitopsd.model.app import App, AppKey
from gitopsd.model.plan import Action
from gitopsd.model.project import UNRESTRICTED, Project, Target
from gitopsd.model.refs import ObjectRef
from gitopsd.plan.confine import Fence, account, confined, violations
from gitopsd.plan.make import Asked, make_plan
from gitopsd.plan.pruning import Permission
from tests.plan.builders import app, live, manifest, ref, remembered, wanted

HERE = Target("in-cluster", "https://kubernetes.default.svc")
EVERYTHING: dict[str, Any] = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}


def project(**spec: Any) -> Project:
    """The project `web` with this spec, which permits every repository and destination unless told otherwise."""
    document = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "web"}}
    return read_project(Document("p.yaml", document | {"spec": EVERYTHING | spec}))


def of(given: Project | None, url: str = "repo", namespace: str = "web") -> App:
    """An application of this project with its source at `url`, which is to live in `namespace`."""
    made = app(namespace=namespace)
    assert made.spec.source
    return replace(made, project=given, spec=replace(made.spec, project="web", source=replace(made.spec.source, repo_url=url)))


def objects(given: Project, *refs: ObjectRef, target: Target = HERE) -> list[str]:
    """What the project says of each of these objects."""
    return [Fence(given, target).objection(one) for one in refs]


def test_without_a_project_of_that_name() -> None:
    """An application whose project is not there may do nothing, and learns what to make."""
    assert violations(of(None), HERE) == (
        "there is no project web that gitopsd can read: make or mend its AppProject, or name another in spec.project",
    )


def test_the_unrestricted_project_objects_to_nothing() -> None:
    """Without an AppProject called default, everything is permitted, everywhere."""
    assert violations(replace(of(UNRESTRICTED), key=AppKey("elsewhere", "shop")), HERE) == ()
    assert objects(UNRESTRICTED, ref("a"), ObjectRef("", "Namespace", "", "web")) == ["", ""]


@pytest.mark.parametrize(
    ("rules", "url", "permitted"),
    [
        (["*"], "https://git.example.com/org/app.git", True),
        ([], "https://git.example.com/org/app.git", False),
        (["https://git.example.com/org/*"], "https://git.example.com/org/app.git", True),
        (["https://git.example.com/org/*"], "https://git.example.com/org/team/app.git", False),
        (["https://git.example.com/org/**"], "https://git.example.com/org/team/app.git", True),
        (["https://git.example.com/org/app"], "https://GIT.example.com:443/org/app.git", True),
        (["git@git.example.com:org/*"], "ssh://git@git.example.com/org/app", True),
        (["*", "!https://git.example.com/secret/*"], "https://git.example.com/secret/app", False),
        (["!https://git.example.com/secret/*", "*"], "https://git.example.com/org/app", True),
        (["!https://git.example.com/secret/*"], "https://git.example.com/org/app", False),
        # ways around
        (["*", "!https://git.example.com/secret/*"], "https://me@git.example.com/secret/app", False),
        (["*", "!https://git.example.com/secret/*"], "https://git.example.com/%73ecret/app", False),
        (["*", "!https://git.example.com/secret/*"], "https://git.example.com//org/../secret/app", False),
        (["https://git.example.com/org/**"], "https://git.example.com/org/../secret/app", False),
    ],
)
def test_repositories(rules: list[str], url: str, permitted: bool) -> None:
    """Some rule has to permit a repository, and none may deny it, however its URL is spelled; `*` stops at a slash."""
    assert (violations(of(project(sourceRepos=rules), url), HERE) == ()) is permitted


def test_an_objection_says_what_to_change() -> None:
    """It names project, rule and what is missing there."""
    (objection,) = violations(of(project(sourceRepos=[]), "https://git/a.git"), HERE)
    assert objection == "project web does not permit the repository https://git/a: add it to its sourceRepos"


@pytest.mark.parametrize(
    ("rules", "namespace", "permitted"),
    [
        ([{"server": "*", "namespace": "web-*"}], "web-1", True),
        ([{"server": "*", "namespace": "web-*"}], "kube-system", False),
        ([{"name": "in-cluster", "namespace": "*"}], "web", True),
        ([{"name": "west", "namespace": "*"}], "web", False),
        ([{"server": HERE.server, "namespace": "*"}], "web", True),
        ([{"server": "*", "namespace": "*"}, {"server": "*", "namespace": "!kube-system"}], "kube-system", False),
        ([{"server": "*", "namespace": "*"}, {"server": "*", "namespace": "!kube-system"}], "web", True),
        ([{"server": "*", "namespace": "*"}, {"server": "!https://kubernetes*", "namespace": "*"}], "web", False),
        ([{"server": "*", "namespace": "*"}, {"server": "!https://west*", "namespace": "*"}], "web", True),
        ([{"server": "*", "namespace": "!kube-system"}], "web", False),
    ],
)
def test_destinations(rules: list[dict[str, str]], namespace: str, permitted: bool) -> None:
    """Some rule has to permit a destination, by server or by name, and none may deny it; objects elsewhere are judged alike."""
    given = project(destinations=rules)
    assert (violations(of(given, namespace=namespace), HERE) == ()) is permitted
    assert (objects(given, ref("a", namespace=namespace)) == [""]) is permitted


@pytest.mark.parametrize(
    ("spec", "permitted"),
    [
        ({}, {"ConfigMap", "Deployment"}),
        ({"namespaceResourceWhitelist": []}, set()),
        ({"namespaceResourceWhitelist": [{"group": "apps", "kind": "*"}]}, {"Deployment"}),
        ({"namespaceResourceBlacklist": [{"group": "", "kind": "ConfigMap"}]}, {"Deployment"}),
        ({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}]}, {"ConfigMap", "Deployment", "Namespace"}),
        ({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "team-*"}]}, {"ConfigMap", "Deployment"}),
        (
            {
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                "clusterResourceBlacklist": [{"group": "", "kind": "Namespace"}],
            },
            {"ConfigMap", "Deployment", "ClusterRole"},
        ),
    ],
)
def test_kinds(spec: dict[str, Any], permitted: set[str]) -> None:
    """Kinds without namespace have to be listed, kinds with one only where there is a list; what is denied never is permitted."""
    refs = (
        ref("a"),
        ObjectRef("apps", "Deployment", "web", "a"),
        ObjectRef("", "Namespace", "", "a"),
        ObjectRef("rbac.authorization.k8s.io", "ClusterRole", "", "a"),
    )
    said = objects(project(**spec), *refs)
    assert {one.kind for one, objection in zip(refs, said, strict=True) if not objection} == permitted


def test_a_kind_that_is_not_permitted_refuses_the_plan() -> None:
    """Nothing is written of a commit that holds what its project does not permit, unchanged objects of that kind included."""
    given = of(project(namespaceResourceBlacklist=[{"group": "", "kind": "Secret"}]))
    desired = confined(wanted(manifest(), manifest("Secret", "key"), of=given), Fence(given.project or UNRESTRICTED, HERE))
    (refusal,) = desired.refusals
    assert str(refusal.ref) == "Secret/web/key"
    assert (refusal.reason, refusal.message) == (
        "NotPermitted",
        "project web denies the kind Secret: see its namespaceResourceBlacklist",
    )


def test_what_is_not_permitted_any_more_is_not_pruned() -> None:
    """An object that left Git after its kind left the project stays, and the plan says why."""
    given = project(namespaceResourceBlacklist=[{"group": "", "kind": "ConfigMap"}])
    inventory, there = remembered(ref("old")), {ref("old"): live(ref("old"))}
    desired = wanted(manifest("Service", "s"))
    asked = Asked("test", Permission(prune=True, allow_empty=False), fence=Fence(given, HERE))
    plan = make_plan(of(given), desired, compare(desired, there), inventory, asked)
    (step,) = (step for step in plan.steps if step.ref == ref("old"))
    assert step.action is Action.SKIP
    assert "project web denies the kind ConfigMap" in step.reason


def test_namespaces_of_applications() -> None:
    """Applications of the project's own namespace may name it, those of others where sourceNamespaces says so."""
    elsewhere = replace(of(project()), key=AppKey("team-a", "shop"))
    assert violations(elsewhere, HERE) == (
        "project web does not permit applications of the namespace team-a: add it to its sourceNamespaces",
    )
    assert violations(replace(elsewhere, project=project(sourceNamespaces=["team-*"])), HERE) == ()


def test_clusters_of_a_project() -> None:
    """A cluster that is there for one project is closed to the others; a project may insist on clusters of its own."""
    own, other = (replace(HERE, project=name) for name in ("web", "ops"))
    insists = project(permitOnlyProjectScopedClusters=True)
    assert [len(violations(of(insists), target)) for target in (HERE, own, other)] == [1, 0, 1]
    assert [len(violations(of(project()), target)) for target in (HERE, own, other)] == [0, 0, 1]


def test_limits_of_a_cluster() -> None:
    """A cluster that is limited to some namespaces takes nothing elsewhere, and nothing without namespace unless it says so."""
    limited = replace(HERE, namespaces=("web",), cluster_resources=False)
    given = project(clusterResourceWhitelist=[{"group": "*", "kind": "*"}])
    said = objects(given, ref("a"), ref("a", namespace="ops"), ObjectRef("", "Namespace", "", "web"), target=limited)
    assert [bool(objection) for objection in said] == [False, True, True]


def test_accounts() -> None:
    """The first account whose globs fit acts, in the destination's namespace unless it names its own; without one nothing may."""
    rules = [
        {"server": "*", "defaultServiceAccount": "nobody"},  # for destinations without a namespace
        {"server": HERE.server, "namespace": "web", "defaultServiceAccount": "deployer"},
        {"server": "*", "namespace": "shop-*", "defaultServiceAccount": "ops:shop"},
    ]
    given = project(destinationServiceAccounts=rules)
    assert account(of(project()), HERE) == ""
    assert account(of(given), HERE) == "system:serviceaccount:web:deployer"
    assert account(of(given, namespace="shop-1"), HERE) == "system:serviceaccount:ops:shop"
    assert account(of(given, namespace="other"), HERE) is None
    assert violations(of(given, namespace="other"), HERE) == (
        "project web has no service account for this destination: add one to its destinationServiceAccounts",
    )


def test_reads_what_kubectl_prints() -> None:
    """A document with everything that Argo CD's own has is read, nulls and status included."""
    text = b"""\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: web, namespace: argocd, uid: u, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  description: the shop
  sourceRepos: ['*']
  sourceNamespaces: null
  destinations: [{name: in-cluster, namespace: '*'}]
  signatureKeys: [{keyID: 4AEE18F83AFDEB23}]
  syncWindows:
    - {kind: deny, schedule: '0 22 * * *', duration: 1h, timeZone: Europe/Berlin, manualSync: true, andOperator: true}
  orphanedResources: {warn: false, ignore: [{kind: ConfigMap, name: kube-root-ca.crt}]}
  roles: [{name: ci, policies: ['p, proj:web:ci, applications, sync, web/*, allow'], jwtTokens: [{iat: 1}]}]
status: {jwtTokensByRole: {}}
"""
    (document,) = read_documents(text, "p.yaml")
    read = read_project(document)
    assert (read.name, read.namespace, read.origin) == ("web", "argocd", "p.yaml:1")
    assert read.spec.signature_keys[0].key_id == "4AEE18F83AFDEB23"
