"""`namePrefix:` and `nameSuffix:`, and the references that follow."""

from __future__ import annotations

from tests.render.kustomize.building import DEPLOYMENT, built, config_map


def test_names_change_and_references_follow() -> None:
    """Over two layers, the outer prefix stands first and the outer suffix last."""
    files = {
        "base/kustomization.yaml": "namePrefix: b-\nnameSuffix: -b\nresources: [d.yaml, c.yaml]",
        "base/d.yaml": DEPLOYMENT,
        "base/c.yaml": config_map("conf"),
        "top/kustomization.yaml": "namePrefix: t-\nnameSuffix: -t\nresources: [../base]",
    }
    deployment, conf = built(files, "top")
    assert deployment["metadata"]["name"] == "t-b-web-b-t"
    assert conf["metadata"]["name"] == "t-b-conf-b-t"
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"configMapRef": {"name": "t-b-conf-b-t"}}]


def test_fixed_names_stay() -> None:
    """Namespaces, custom resource definitions and API services keep their names."""
    text = "\n---\n".join(
        f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: n}}}}"
        for version, kind in [
            ("v1", "Namespace"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("apiregistration.k8s.io/v1", "APIService"),
        ]
    )
    found = built({"kustomization.yaml": "namePrefix: p-\nresources: [all.yaml]", "all.yaml": text})
    assert [obj["metadata"]["name"] for obj in found] == ["n", "n", "n"]


def test_the_same_base_twice_refers_to_its_own() -> None:
    """Of two objects of one original name, a reference means the one that came through the same layers."""
    files = {
        "base/kustomization.yaml": "resources: [d.yaml, c.yaml]",
        "base/d.yaml": DEPLOYMENT,
        "base/c.yaml": config_map("conf"),
    }
    files |= {f"{name}/kustomization.yaml": f"namePrefix: {name}-\nresources: [../base]" for name in ("x", "y")}
    files["top/kustomization.yaml"] = "resources: [../x, ../y]"
    found = built(files, "top")
    references = [
        obj["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
        for obj in found
        if obj["kind"] == "Deployment"
    ]
    assert references == ["x-conf", "y-conf"]
