"""AppProject resources in the cluster, watched by the running daemon: what they forbid, and what their changes set free."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pysequoia
import pytest

from gitopsd.cluster.declared import PROJECTS
from gitopsd.cluster.paths import collection
from gitopsd.config.resources import REFRESH
from localcluster import LocalCluster
from localcluster.api import RequestError
from tests.cluster.resources import Land, land
from tests.gitrepo import WHO

NAMESPACE = "projects"
EVERYTHING = {"group": "*", "kind": "*"}
ALWAYS = {"schedule": "* * * * *", "duration": "1h", "applications": ["*"]}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys of somebody who signs commits."""
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def here(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[Land]:
    """A daemon that knows the keys; each test has a branch of its own."""
    homes = (NAMESPACE, f"{NAMESPACE}-home")
    for home in homes:
        cluster.api.create("/api/v1/namespaces", {"metadata": {"name": home}})
    signatures = f"signatures: {{openpgp: {keys.openpgp}, allowedSigners: {keys.allowed_signers}}}\n"
    with land(cluster, NAMESPACE, tmp_path_factory.mktemp("land"), signatures) as found:
        yield found
    for home in homes:
        cluster.api.request("DELETE", f"/api/v1/namespaces/{home}")
    for name in ("wide", "too-wide"):
        roles = f"/apis/rbac.authorization.k8s.io/v1/clusterroles?fieldSelector=metadata.name={NAMESPACE}-{name}"
        cluster.api.request("DELETE", roles)


class Keys:
    """An OpenPGP key and an SSH key, with the files of their public parts and the ids that projects know them by."""

    def __init__(self, folder: Path) -> None:
        self._pgp = pysequoia.Tsk.generate("Ada <ada@example.test>")
        self._ssh = folder / "id"
        self.openpgp, self.allowed_signers = folder / "ada.asc", folder / "allowed_signers"
        certificate = self._pgp.extract_certificate()
        self.openpgp.write_text(str(certificate))
        self.pgp_id = certificate.fingerprint.upper()
        _ssh_keygen("-q", "-t", "ed25519", "-N", "", "-f", str(self._ssh))
        public = self._ssh.with_suffix(".pub")
        self.allowed_signers.write_text(f'ada@example.test namespaces="git" {public.read_text()}')
        self.ssh_id = _ssh_keygen("-l", "-f", str(public)).split()[1]

    def pgp(self, payload: bytes) -> str:
        """A signature as `gpg --detach-sign --armor` makes it."""
        return pysequoia.sign(self._pgp.signer(), payload, mode=pysequoia.SignatureMode.DETACHED).decode()

    def ssh(self, payload: bytes) -> str:
        """A signature as Git has `ssh-keygen` make it."""
        return _ssh_keygen("-Y", "sign", "-n", "git", "-f", str(self._ssh), text=payload)


def _ssh_keygen(*arguments: str, text: bytes = b"") -> str:
    return subprocess.run(["ssh-keygen", *arguments], input=text, check=True, capture_output=True).stdout.decode()


def config_map(name: str, value: str = "1") -> str:
    """A ConfigMap as YAML."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: '{value}'}}\n"


def cluster_role(name: str) -> str:
    """A ClusterRole that gives nothing, as YAML."""
    return f"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {NAMESPACE}-{name}}}\nrules: []\n"


def source(here: Land, branch: str) -> dict[str, Any]:
    """The spec of an application that follows a branch of the repository."""
    return {"project": branch, "source": {"repoURL": here.daemon.repo.url, "path": ".", "targetRevision": branch}}


def commit(here: Land, branch: str, *manifests: str, sign: Any = None) -> str:
    """Commits these manifests to a branch, signed or not; gives the commit's id."""
    files = {f"{index}.yaml": manifest for index, manifest in enumerate(manifests)}
    repo, name = here.daemon.repo, f"refs/heads/{branch}"
    if sign is None:
        return repo.commit(files, branch=branch)
    parents = [repo.git.references[name].target]
    content = str(repo.git.create_commit_string(WHO, WHO, "Change", repo.tree(files), parents))
    repo.ref(name, str(repo.git.create_commit_with_signature(content, sign(content.encode()))))
    return str(repo.git.references[name].target)


def value(here: Land, name: str) -> str | None:
    """What a ConfigMap holds, None where it is not there."""
    found = here.config_map(name)
    return str(found["data"]["key"]) if found else None


def asked(here: Land, name: str) -> Any:
    """The record of a sync that a person asks for."""
    return json.loads(here.daemon.text(f"/api/v1/applications/{name}/sync?wait=60s", method="POST"))


CONFIG_MAP = {"group": "", "kind": "ConfigMap"}
CLUSTER_ROLE = {"group": "rbac.authorization.k8s.io", "kind": "ClusterRole"}
OTHERS = {"group": "apps", "kind": "*"}
DENIALS: Mapping[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "repository": (
        {"sourceRepos": ["https://git.example.test/*"]},
        {"sourceRepos": ["*"]},
        r"InvalidSpecError: project repository does not permit the repository \S+: add it to its sourceRepos",
    ),
    "destination": (
        {"destinations": [{"server": "*", "namespace": "elsewhere"}]},
        {"destinations": [{"server": "*", "namespace": NAMESPACE}]},
        rf"InvalidSpecError: project destination does not permit the namespace {NAMESPACE} of .+: add it to its destinations",
    ),
    "team": (
        {"sourceNamespaces": ["other-*"]},
        {"sourceNamespaces": ["other-*", "proj?cts"]},
        f"InvalidSpecError: project team does not permit applications of the namespace {NAMESPACE}: add it to its source",
    ),
    "listed": (
        {"namespaceResourceWhitelist": [OTHERS]},
        {"namespaceResourceWhitelist": [OTHERS, CONFIG_MAP]},
        r"ConfigMap/projects/listed.+listed does not permit it: add .+ kind: ConfigMap} to its namespaceResourceWhitelist",
    ),
    "denied": (
        {"namespaceResourceBlacklist": [CONFIG_MAP]},
        {"namespaceResourceBlacklist": None},
        "ConfigMap/projects/denied.+ project denied denies the kind ConfigMap: see its namespaceResourceBlacklist",
    ),
    "wide": (
        {},
        {"clusterResourceWhitelist": [{**CLUSTER_ROLE, "name": f"{NAMESPACE}-*"}]},
        "ClusterRole/projects-wide.+ wide does not permit it: add .+ kind: ClusterRole} to its clusterResourceWhitelist",
    ),
    "too-wide": (
        {"clusterResourceWhitelist": [EVERYTHING], "clusterResourceBlacklist": [CLUSTER_ROLE]},
        {"clusterResourceBlacklist": []},
        "ClusterRole/projects-too-wide.+ denies the kind ClusterRole.rbac.authorization.k8s.io: see its clusterResourceBlacklist",
    ),
}
"""Of each project: what denies, the patch that permits, and what the application says until then."""


def test_what_a_project_denies_waits_for_its_patch(here: Land) -> None:
    """Each application says project, field and what to do, and nothing is written; a patch of the project sets it going."""
    for name, (denying, _, _) in DENIALS.items():
        commit(here, name, config_map(name), *([cluster_role(name)] if name.endswith("wide") else []))
        here.create_project(name, **denying)
        here.create(name, **source(here, name))
    for name, (_, _, sentence) in DENIALS.items():
        here.until_said(name, sentence)
        assert value(here, name) is None
    for name, (_, permitting, _) in DENIALS.items():
        here.patch_project(name, **permitting)
    for name in DENIALS:
        here.until_state(name, "Synced Healthy")
        assert value(here, name) == "1"


def test_a_project_that_is_narrowed_prunes_nothing(here: Land) -> None:
    """Not what left Git since, nor what the project permits no longer; nor where the project is gone. A new one sets it going."""
    name = "narrowed"
    commit(here, name, config_map("stays"), config_map("goes"))
    here.create_project(name)
    here.create(name, **source(here, name))
    here.until_state(name, "Synced Healthy")

    here.patch_project(name, namespaceResourceBlacklist=[CONFIG_MAP])
    here.until_said(name, "ConfigMap/projects/stays.*: project narrowed denies the kind ConfigMap")
    commit(here, name)
    here.until_said(name, r"PruneSkipped: ConfigMap/projects/\w+: not in Git; left in place: project narrowed denies the kind")
    assert here.state(name) == "OutOfSync Healthy"
    here.delete_project(name)
    here.until_said(name, "InvalidSpecError: there is no project narrowed that gitopsd can read")
    commit(here, name, config_map("stays", "2"))
    assert (value(here, "stays"), value(here, "goes")) == ("1", "1")

    here.create_project(name)
    here.daemon.until(lambda: (value(here, "stays"), value(here, "goes")) == ("2", None))
    here.until_state(name, "Synced Healthy")


def test_a_sync_window_holds_a_commit(here: Land) -> None:
    """A commit waits while a deny window is open; a person may sync as `manualSync` says; without the window it goes on."""
    name = "windows"
    commit(here, name, config_map(name))
    here.create_project(name)
    here.create(name, **source(here, name))
    here.until_state(name, "Synced Healthy")

    here.patch_project(name, syncWindows=[{"kind": "deny", **ALWAYS, "manualSync": True}])
    second = commit(here, name, config_map(name, "2"))
    window = r'SyncWindow: the deny window "\* \* \* \* \*" of project windows denies syncs until'
    here.until_said(name, window, second)
    assert (here.status(name)["sync"]["status"], value(here, name)) == ("OutOfSync", "1")
    assert asked(here, name)["phase"] == "Succeeded"
    assert value(here, name) == "2"

    here.patch_project(name, syncWindows=[{"kind": "deny", **ALWAYS}])
    third = commit(here, name, config_map(name, "3"))
    here.until_said(name, window, third)
    refused = asked(here, name)
    assert refused["phase"] == "Failed"
    assert refused["result"].startswith('nothing was written: the deny window "* * * * *" of project windows denies syncs until')
    assert value(here, name) == "2"

    here.patch_project(name, syncWindows=[])
    here.daemon.until(lambda: value(here, name) == "3")
    here.until_state(name, "Synced Healthy")


@pytest.mark.parametrize("kind", ["pgp", "ssh"])
def test_only_signed_commits_are_deployed(here: Land, keys: Keys, kind: str) -> None:
    """An unsigned commit is named with the keys that would do, and what is live stays; a signed one follows."""
    name, key, sign = f"signed-{kind}", getattr(keys, f"{kind}_id"), getattr(keys, kind)
    unsigned = commit(here, name, config_map(name))
    here.create_project(name, signatureKeys=[{"keyID": key}])
    here.create(name, **source(here, name))
    sentence = f"ComparisonError: .*commit {unsigned[:12]} is not signed; project {name} takes only what is signed with {key}"
    here.until_said(name, sentence.replace("+", r"\+"))
    assert value(here, name) is None

    signed = commit(here, name, config_map(name, "2"), sign=sign)
    here.daemon.until_synced(name, signed)
    unsigned = commit(here, name, config_map(name, "3"))
    here.until_said(name, f"ComparisonError: .*commit {unsigned[:12]} is not signed")
    assert value(here, name) == "2"
    here.daemon.until_synced(name, commit(here, name, config_map(name, "4"), sign=sign))
    assert value(here, name) == "4"


RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"


def test_an_account_can_do_no_more_under_the_daemon(here: Land, cluster: LocalCluster) -> None:
    """What the account may not do refuses the plan, and the condition names account and verb; when it may, the sync follows."""
    name = "account"
    cluster.api.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "deployer"}})
    role = {"metadata": {"name": "deployer"}, "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]}
    cluster.api.create(f"{RBAC}/roles", role)
    binding = {
        "metadata": {"name": "deployer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": NAMESPACE}],
    }
    cluster.api.create(f"{RBAC}/rolebindings", binding)
    commit(here, name, config_map(name))
    here.create_project(name, destinationServiceAccounts=[{"server": "*", "namespace": "*", "defaultServiceAccount": "deployer"}])
    here.create(name, **source(here, name))
    here.until_said(name, f'.*User "system:serviceaccount:{NAMESPACE}:deployer" cannot patch resource "configmaps"')
    assert value(here, name) is None
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"]}]
    cluster.api.request("PATCH", f"{RBAC}/roles/deployer", {"rules": rules}, "application/merge-patch+json")
    assert asked(here, name)["phase"] == "Succeeded"
    assert value(here, name) == "1"


def test_orphans_are_told_of_as_long_as_a_project_asks(here: Land, cluster: LocalCluster) -> None:
    """As soon as it does; a refresh looks again, and what was cleared away is no longer said."""
    name, maps = "orphans", f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    commit(here, name, config_map(name))
    here.create_project(name)
    here.create(name, **source(here, name))
    here.until_state(name, "Synced Healthy")
    cluster.api.create(maps, {"metadata": {"name": "left-over"}})
    here.patch_project(name, orphanedResources={"ignore": [{"kind": "[!C]*"}]})
    here.until_said(name, "^OrphanedResourceWarning: namespace projects has 1 orphaned resources: ConfigMap/projects/left-over$")
    cluster.api.request("DELETE", f"{maps}/left-over")
    here.patch(name, {"metadata": {"annotations": {REFRESH: "normal"}}})
    here.daemon.until(lambda: not here.status(name).get("conditions"))


def test_what_has_no_effect_is_said_by_name(here: Land) -> None:
    """A warning in the log names the AppProject and the field."""
    here.create_project("roles", roles=[{"name": "ci", "policies": []}])
    here.daemon.until(lambda: f"AppProject {NAMESPACE}-home/roles: spec.roles: is not honoured" in here.daemon.log_text())


def test_a_broken_project_permits_what_it_did(here: Land) -> None:
    """Its applications go on as before, and say what is wrong with it; one that was never read permits nothing."""
    for name in ("broken", "never"):
        commit(here, name, config_map(name))
        here.create(name, **source(here, name))
    here.create_project("broken")
    here.create_project("never", sourceIntegrity={"git": {}})
    unread = f"InvalidSpecError: AppProject {NAMESPACE}-home/never: spec.sourceIntegrity: is not supported"
    here.until_said("never", unread)
    here.until_said("never", "InvalidSpecError: there is no project never that gitopsd can read")
    assert value(here, "never") is None
    here.until_state("broken", "Synced Healthy")

    here.patch_project("broken", syncWindows=[{"kind": "never", "schedule": "* * * * *", "duration": "1h"}])
    here.until_said(
        "broken", r"InvalidSpecError: AppProject projects-home/broken: spec.syncWindows\[0].kind: must be allow or deny"
    )
    here.daemon.until_synced("broken", commit(here, "broken", config_map("broken", "2")))
    here.patch_project("broken", syncWindows=None, destination=[])
    here.until_said("broken", 'spec.destination: unknown field "destination", did you mean "destinations"')
    here.patch_project("broken", destination=None)
    here.daemon.until(lambda: not here.status("broken").get("conditions"))
    with pytest.raises(RequestError, match=r"spec\.sourceRepos: Invalid value"):
        here.patch_project("broken", sourceRepos=1)


def test_a_project_elsewhere_counts_for_nothing(here: Land, cluster: LocalCluster) -> None:
    """Whoever may make AppProjects in the namespace of their applications gives them no right by that."""
    name = "own"
    commit(here, name, config_map(name))
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]},
    }
    cluster.api.create(collection(PROJECTS, NAMESPACE), document)
    here.create(name, **source(here, name))
    here.until_said(name, "InvalidSpecError: there is no project own that gitopsd can read")
    assert value(here, name) is None
