"""`namespace:`."""

from __future__ import annotations

import yaml

from tests.render.kustomize.building import built, config_map, refusal


def test_namespaced_objects_move_and_cluster_scoped_ones_stay() -> None:
    """A Namespace is renamed; a ClusterRole keeps to itself; an unknown kind counts as namespaced."""
    text = "\n---\n".join(
        [
            config_map("a", "old"),
            "{apiVersion: v1, kind: Namespace, metadata: {name: old}}",
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}}",
            "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}",
        ]
    )
    found = built({"kustomization.yaml": "namespace: new\nresources: [all.yaml]", "all.yaml": text})
    assert [obj["metadata"] for obj in found] == [
        {"name": "a", "namespace": "new"},
        {"name": "new"},
        {"name": "r"},
        {"name": "w", "namespace": "new"},
    ]


def test_subjects_called_default_follow() -> None:
    """The default service account of a binding moves, others only if they move themselves."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "old"} for name in ("default", "mine", "other")],
    }
    account = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: mine, namespace: old}}"
    files = {
        "kustomization.yaml": "namespace: new\nresources: [all.yaml]",
        "all.yaml": f"{yaml.safe_dump(binding)}---\n{account}",
    }
    assert [subject["namespace"] for subject in built(files)[0]["subjects"]] == ["new", "new", "old"]


def test_two_objects_may_not_become_one() -> None:
    """Objects that differed only by namespace clash."""
    files = {"kustomization.yaml": "namespace: new\nresources: [a.yaml, b.yaml]"}
    files |= {"a.yaml": config_map("x", "one"), "b.yaml": config_map("x", "two")}
    assert "kustomization.yaml:1:1: namespace: namespace transformation produces ID conflict" in refusal(files)
