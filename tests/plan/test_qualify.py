"""From rendered manifests to what is sent."""

from __future__ import annotations

import base64
import json

from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.plan.qualify import qualify
from tests.plan.builders import MARKING, SURFACE, app, manifest, wanted


def _only(*manifests: Object, **options: str) -> Object:
    (desired,) = wanted(*manifests).objects
    body: Object = json.loads(desired.body)
    return body


def test_the_destination_gives_a_namespace_only_where_there_is_none() -> None:
    """`destination.namespace` applies to namespaced objects that name no namespace of their own."""
    refs = [want.ref.namespace for want in wanted(manifest(name="a"), manifest(name="b", namespace="other")).objects]
    assert refs == ["web", "other"]


def test_a_cluster_scoped_object_has_no_namespace() -> None:
    """A namespace on a cluster-scoped object is dropped, as the server would."""
    assert "namespace" not in _only(manifest("Namespace", "web", namespace="oops"))["metadata"]


def test_marks_name_application_and_the_object_itself() -> None:
    """Members carry the ApplySet's label, and an annotation that a copy of the label can't fake."""
    metadata = _only(manifest())["metadata"]
    assert metadata["labels"][PART_OF_LABEL] == MARKING.set_id(app())
    assert metadata["annotations"][OWNER_ANNOTATION] == "test;argocd/shop;/ConfigMap;web/settings"


def test_what_only_the_server_says_is_dropped_with_a_warning() -> None:
    """Git can't set uid, owners and the like; status is not applied; a null creationTimestamp is not worth a word."""
    given = manifest(status={"ready": True})
    given["metadata"] |= {"uid": "1", "ownerReferences": [{"name": "x"}], "creationTimestamp": None}
    desired = wanted(given)
    body = json.loads(desired.objects[0].body)
    assert "status" not in body
    assert not {"uid", "ownerReferences", "creationTimestamp"} & body["metadata"].keys()
    assert len(desired.warnings) == 2
    assert "metadata.uid in Git is ignored" in desired.warnings[0]


def test_string_data_is_folded_into_data() -> None:
    """A key removed from stringData would stay in data for ever; data wins nothing over stringData, as on the server."""
    body = _only(manifest("Secret", "s", data={"a": "b2xk", "k": "a2VlcA=="}, stringData={"a": "new"}))
    assert "stringData" not in body
    assert body["data"] == {"a": base64.b64encode(b"new").decode(), "k": "a2VlcA=="}


def test_the_rules_of_an_aggregated_role_are_its_controllers() -> None:
    """What its controller writes, Git must not: the two would fight for ever."""
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    role = manifest(
        "ClusterRole", "r", api="rbac.authorization.k8s.io/v1", rules=rules, aggregationRule={"clusterRoleSelectors": []}
    )
    role["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": "SkipDryRunOnMissingResource=true"}
    assert "rules" in _only(role | {"aggregationRule": None})
    assert "rules" not in _only(role | {"aggregationRule": {"clusterRoleSelectors": [{}]}})


def test_an_unknown_kind_is_refused_with_what_to_do() -> None:
    """The refusal says whether another version is served, or that a definition is missing."""
    desired = wanted(manifest("Widget", api="example.com/v1"), manifest("Deployment", "d", api="apps/v1beta1"))
    assert [refusal.reason for refusal in desired.refusals] == ["UnknownKind", "UnknownKind"]
    assert "install its CustomResourceDefinition" in desired.refusals[0].message
    assert "it serves apps/v1" in desired.refusals[1].message


def test_a_kind_defined_in_the_same_set_is_known() -> None:
    """A custom resource and its definition may come in one commit; the scope is the definition's."""
    spec = {"group": "example.com", "scope": "Cluster", "names": {"kind": "Widget"}}
    crd = manifest("CustomResourceDefinition", "widgets.example.com", api="apiextensions.k8s.io/v1", spec=spec)
    desired = wanted(crd, manifest("Widget", "w", api="example.com/v1"))
    assert desired.refusals == ()
    assert desired.objects[1].ref == ObjectRef("example.com", "Widget", "", "w")


def test_the_same_object_twice_is_refused() -> None:
    """Two documents for one object would fight for ever."""
    desired = wanted(manifest(), manifest(namespace="web"))
    assert [str(refusal.ref) for refusal in desired.refusals] == ["ConfigMap/web/settings"]


def test_no_name_and_no_namespace_are_refused() -> None:
    """An object without a name can't be tracked, one without a namespace can't be placed."""
    nameless = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}}
    desired = qualify([nameless, manifest()], SURFACE, app(namespace=""), MARKING)
    assert [refusal.reason for refusal in desired.refusals] == ["NameMissing", "NamespaceMissing"]


def test_create_namespace_adds_an_unmarked_namespace_first() -> None:
    """The namespace of CreateNamespace is made sure of, but never owned: two applications may share it."""
    desired = wanted(manifest(), of=app("CreateNamespace=true"))
    first = desired.objects[0]
    assert (str(first.ref), first.marked) == ("Namespace/web", False)
    assert b"gitopsd" not in first.body


def test_the_digest_is_of_everything() -> None:
    """The same manifests give the same digest, in any order of keys; another value gives another."""
    one = wanted({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"x": "1"}})
    same = wanted(manifest(name="a", data={"x": "1"}))
    other = wanted(manifest(name="a", data={"x": "2"}))
    assert one.digest == same.digest != other.digest
