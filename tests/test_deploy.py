"""The repository's own manifests: how gitopsd is installed, and what the demo deploys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from gitopsd.clock import SystemClock
from gitopsd.config import load_config
from gitopsd.model.refs import Object
from gitopsd.observe.metrics import Metrics
from gitopsd.source.secrets import TRUST
from tests.rendering import ROOT, gitopsd_builds, kustomize_builds

INSTALLATIONS = (
    "deploy/overlays/namespaced",
    "deploy/overlays/cluster-wide",
    "deploy/overlays/monitored",
    "deploy/overlays/applications",
    "deploy/overlays/replicated",
)
ENVIRONMENTS = ("manifests/ops/overlays/dev", "manifests/ops/overlays/stage", "manifests/ops/overlays/prod")


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """The objects of a kind."""
    return [found for found in objects if found["kind"] == kind]


def pod_specs(objects: list[Object]) -> list[Object]:
    """The pods that the Deployments make."""
    return [deployment["spec"]["template"]["spec"] for deployment in of_kind(objects, "Deployment")]


@pytest.mark.parametrize("folder", [*INSTALLATIONS, *ENVIRONMENTS])
def test_our_engine_builds_what_kustomize_builds(folder: str) -> None:
    """`kubectl apply -k` and gitopsd install the same, object for object, in the same order."""
    assert gitopsd_builds(folder) == kustomize_builds(ROOT / folder)


@pytest.mark.parametrize("folder", [*INSTALLATIONS, *ENVIRONMENTS])
def test_pods_have_no_rights_on_their_node(folder: str) -> None:
    """Every container keeps to the Pod Security level `restricted`, cannot write its root, and has a bound on memory."""
    for pod in pod_specs(gitopsd_builds(folder)):
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert not container["securityContext"]["allowPrivilegeEscalation"]
            assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("folder", [*INSTALLATIONS, *ENVIRONMENTS])
def test_images_have_tags(folder: str) -> None:
    """No image is `latest`, by name or by silence."""
    images = [container["image"] for pod in pod_specs(gitopsd_builds(folder)) for container in pod["containers"]]
    assert all(image.rpartition(":")[2] not in ("", "latest", image) for image in images), images


def test_nobody_gets_everything_unasked() -> None:
    """The namespaced installation has no wildcard, nor a verb that would let it become more than it is."""
    rules = [
        rule
        for kind in ("Role", "ClusterRole")
        for role in of_kind(gitopsd_builds("deploy/overlays/namespaced"), kind)
        for rule in role.get("rules", [])
    ]
    granted = {word for rule in rules for field in ("apiGroups", "resources", "verbs") for word in rule[field]}
    assert not granted & {"*", "escalate", "bind", "impersonate", "deletecollection", "pods/exec", "serviceaccounts/token"}


def test_installed_configuration_is_valid(tmp_path: Path) -> None:
    """The configuration in the ConfigMap loads, listens where the Service looks, and keeps its data in the volume."""
    objects = gitopsd_builds("deploy/overlays/namespaced")
    (config_map,) = (found for found in of_kind(objects, "ConfigMap") if "config.yaml" in found["data"])
    file = tmp_path / "config.yaml"
    file.write_text(config_map["data"]["config.yaml"])
    config = load_config(file, {})
    ports = {port["name"]: port["port"] for port in of_kind(objects, "Service")[0]["spec"]["ports"]}
    assert config.server.listen.endswith(f":{ports['http']}")
    assert config.server.metrics.endswith(f":{ports['metrics']}")
    mounts = [mount["mountPath"] for mount in pod_specs(objects)[0]["containers"][0]["volumeMounts"]]
    assert "/var/lib/gitopsd" in mounts
    assert str(config.storage.mirrors).startswith("/var/lib/gitopsd/")


def test_example_configuration_is_complete() -> None:
    """`config.example.yaml` loads, and every section of the configuration stands in it."""
    example = ROOT / "config.example.yaml"
    config = load_config(example, {})
    sections = {field.alias for field in type(config).model_fields.values()}
    assert sections == set(yaml.safe_load(example.read_text()))


def test_deployed_application_is_the_samples() -> None:
    """What the overlays of deploy/ deploy is the Application that manifests/ documents."""
    sample = yaml.safe_load((ROOT / "manifests/applications/monitor-app-prod.yaml").read_text())
    for folder in INSTALLATIONS:
        deployed = [found for found in of_kind(gitopsd_builds(folder), "ConfigMap") if "monitor-app-prod.yaml" in found["data"]]
        assert [yaml.safe_load(found["data"]["monitor-app-prod.yaml"]) for found in deployed] == [sample]


@pytest.mark.parametrize("environment", ["dev", "stage", "prod"])
def test_applications_name_overlays_that_exist(environment: str) -> None:
    """Each Application leads to an overlay, and its destination is the namespace that the overlay fills."""
    spec = yaml.safe_load((ROOT / f"manifests/applications/monitor-app-{environment}.yaml").read_text())["spec"]
    objects = gitopsd_builds(f"manifests/{spec['source']['path']}")
    (namespace,) = of_kind(objects, "Namespace")
    assert namespace["metadata"]["name"] == spec["destination"]["namespace"]
    assert {found["metadata"].get("namespace", namespace["metadata"]["name"]) for found in objects} == {
        spec["destination"]["namespace"]
    }


def test_alerts_and_dashboard_use_metrics_that_exist() -> None:
    """An alert about a series that nobody exposes would never fire."""
    folder = ROOT / "deploy/components/monitoring"
    (rules,) = yaml.safe_load((folder / "alerts.yaml").read_text())["spec"]["groups"]
    panels = json.loads((folder / "dashboard.json").read_text())["panels"]
    expressions = [rule["expr"] for rule in rules["rules"]] + [target["expr"] for panel in panels for target in panel["targets"]]
    used = set(re.findall(r"gitopsd_[a-z_]+", " ".join(expressions)))
    metrics = {metric.name for metric in Metrics(SystemClock()).registry.collect()}
    assert {re.sub(r"_(bucket|total)$", "", name) for name in used} <= metrics


def test_impersonation_is_of_named_accounts_only() -> None:
    """The component lets gitopsd act as accounts of one name, and nothing else: no user, no group, no other account."""
    role = yaml.safe_load((ROOT / "deploy/components/impersonation/rbac.yaml").read_text())
    (rule,) = role["rules"]
    assert (rule["resources"], rule["verbs"], rule["resourceNames"]) == (
        ["serviceaccounts"],
        ["impersonate"],
        ["gitopsd-deployer"],
    )


def test_repository_secrets_are_read_in_one_namespace(tmp_path: Path) -> None:
    """The component's rights are those of a Role: to look, and no verb more; its configuration looks just there."""
    folder = ROOT / "deploy/components/repository-secrets"
    role, binding = yaml.safe_load_all((folder / "rbac.yaml").read_text())
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    config_maps = next(rule for rule in role["rules"] if "configmaps" in rule["resources"])
    assert config_maps["resourceNames"] == list(TRUST)
    (pod,) = pod_specs([yaml.safe_load((folder / "deployment.yaml").read_text())])
    environment = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    (tmp_path / "config.yaml").write_text("apiVersion: gitopsd.dev/v1alpha1\nkind: Config\n")
    config = load_config(tmp_path / "config.yaml", environment)
    assert config.repository_secrets
    assert config.repository_secrets.namespace == role["metadata"]["namespace"] == binding["metadata"]["namespace"]


def test_replicas_share_what_they_can_share(tmp_path: Path) -> None:
    """What the Deployment sets is a configuration that loads; no volume is shared, and the only right more is to Leases."""
    objects, single = gitopsd_builds("deploy/overlays/replicated"), gitopsd_builds("deploy/overlays/cluster-wide")
    (pod,) = pod_specs(objects)
    (config_map,) = (found for found in of_kind(objects, "ConfigMap") if "config.yaml" in found["data"])
    (tmp_path / "config.yaml").write_text(config_map["data"]["config.yaml"])
    pod_is = {"status.podIP": "10.0.0.7", "metadata.namespace": "gitopsd"}
    given = pod["containers"][0]["env"]
    environment = {one["name"]: one.get("value") or pod_is[one["valueFrom"]["fieldRef"]["fieldPath"]] for one in given}
    config = load_config(tmp_path / "config.yaml", environment)
    assert (config.replicas.mode, config.replicas.address) == ("leader", "10.0.0.7")
    assert config.storage.history.startswith("postgresql:")
    assert of_kind(objects, "PersistentVolumeClaim") == []
    assert not any("persistentVolumeClaim" in volume for volume in pod["volumes"])
    more = [role for role in of_kind(objects, "Role") + of_kind(objects, "ClusterRole") if role not in single]
    assert [rule["resources"] for role in more for rule in role["rules"]] == [["leases"]]
