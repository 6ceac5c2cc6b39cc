"""Schemas: which lists merge, from Kubernetes' own data and from documents that users give."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.render.kustomize.patches import Schema
from gitopsd.render.kustomize.patches.schema import ListType, MapType


def at(schema: Schema, version: str, kind: str, *path: str) -> MapType | ListType | None:
    """The type at a path, `[]` for the items of a list."""
    found: MapType | ListType | None = schema.kinds.get((version, kind))
    for step in path:
        if isinstance(found, ListType):
            assert step == "[]"
            found = found.items
        elif found is not None:
            found = found.get(step)
    return found


@pytest.mark.parametrize(
    ("version", "kind", "path", "keys"),
    [
        ("apps/v1", "Deployment", "spec template spec containers", ("name",)),
        ("apps/v1", "Deployment", "spec template spec containers [] ports", ("containerPort", "protocol")),
        ("apps/v1", "StatefulSet", "spec template spec volumes", ("name",)),
        ("batch/v1", "CronJob", "spec jobTemplate spec template spec initContainers [] env", ("name",)),
        ("batch/v1beta1", "CronJob", "spec jobTemplate spec template spec containers", ("name",)),
        ("v1", "Pod", "spec hostAliases", ("ip",)),
        ("v1", "Pod", "spec topologySpreadConstraints", ("topologyKey", "whenUnsatisfiable")),
        ("v1", "Service", "spec ports", ("port", "protocol")),
        ("v1", "ConfigMap", "metadata finalizers", ()),
        ("v1", "ServiceAccount", "secrets", ("name",)),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "webhooks", ("name",)),
    ],
)
def test_builtin(version: str, kind: str, path: str, keys: tuple[str, ...]) -> None:
    """The lists that kustomize merges, by their keys."""
    found = at(Schema.builtin(), version, kind, *path.split())
    assert isinstance(found, ListType)
    assert found.keys == keys


@pytest.mark.parametrize(
    ("version", "kind", "path"),
    [
        ("v1", "Pod", "spec schedulingGates"),
        ("networking.k8s.io/v1", "Ingress", "spec rules"),
        ("rbac.authorization.k8s.io/v1", "Role", "rules"),
        ("apps/v1beta1", "Deployment", "spec"),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "metadata"),
    ],
)
def test_not_builtin(version: str, kind: str, path: str) -> None:
    """Lists and kinds that kustomize's own, older schema does not have."""
    assert at(Schema.builtin(), version, kind, *path.split()) is None


SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {"$ref": "#/definitions/Item"},
            "x-kubernetes-patch-strategy": "merge",
            "x-kubernetes-patch-merge-key": "id",
        },
        "template": {"$ref": "#/definitions/io.k8s.api.core.v1.PodTemplateSpec"},
        "atomic": {"type": "array", "items": {"$ref": "#/definitions/Item"}},
        "inline": {"properties": {"set": {"type": "array", "x-kubernetes-patch-strategy": "merge", "items": {"type": "string"}}}},
        "named": {"additionalProperties": {"$ref": "#/definitions/Spec"}},
    },
}
ITEM: dict[str, Any] = {"properties": {"self": {"$ref": "#/definitions/Spec"}, "plain": {"type": "string"}}}
FOO = {
    "properties": {"spec": {"$ref": "#/definitions/Spec"}},
    "x-kubernetes-group-version-kind": [{"group": "x.io", "version": "v1", "kind": "Foo"}],
}
DEFINITIONS = {"Foo": FOO, "Spec": SPEC, "Item": ITEM}


@pytest.mark.parametrize("document", [{"definitions": DEFINITIONS}, {"components": {"schemas": DEFINITIONS}}], ids=["v2", "v3"])
def test_from_openapi(document: dict[str, Any]) -> None:
    """References, inline types, maps and cycles are followed; other lists and foreign types have no keys."""
    schema = Schema.from_openapi(document)
    items = at(schema, "x.io/v1", "Foo", "spec", "items")
    assert isinstance(items, ListType)
    assert items.keys == ("id",)
    assert at(schema, "x.io/v1", "Foo", "spec", "items", "[]", "self", "items") is items
    assert at(schema, "x.io/v1", "Foo", "spec", "named", "*", "inline", "set") == ListType((), {})
    assert at(schema, "x.io/v1", "Foo", "spec", "atomic") is None
    assert at(schema, "x.io/v1", "Foo", "spec", "template") is None
    assert ("v1", "Pod") not in schema.kinds


def test_from_openapi_with_builtin() -> None:
    """Kubernetes' own types can be added, and references lead into them."""
    schema = Schema.from_openapi({"definitions": DEFINITIONS}, with_builtin=True)
    assert isinstance(at(schema, "x.io/v1", "Foo", "spec", "template", "spec", "containers"), ListType)
    assert ("v1", "Pod") in schema.kinds


anything = st.recursive(
    st.none() | st.integers() | st.sampled_from(["array", "merge", "#/definitions/A", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "definitions",
                    "properties",
                    "items",
                    "type",
                    "$ref",
                    "A",
                    "allOf",
                    "additionalProperties",
                    "kind",
                    "x-kubernetes-patch-strategy",
                    "x-kubernetes-list-map-keys",
                    "x-kubernetes-group-version-kind",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(anything, anything)
def test_malformed_documents(document: Any, definition: Any) -> None:
    """Whatever a file holds, there is a schema of it."""
    Schema.from_openapi(document)
    Schema.from_openapi({"definitions": {"A": definition}})
