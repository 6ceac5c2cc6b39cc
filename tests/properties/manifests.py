"""Random objects that refer to each other, with odd names and YAML spellings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from hypothesis import strategies as st

Files = dict[str, str]
Object = dict[str, Any]

NAMES = ["app", "web", "conf", "db-1", "a.b", "true", "123"]
NAMESPACES = ["", "", "", "default", "prod", "kube-system"]
KEYS = ["app", "team", "app.kubernetes.io/name", "x"]
VALUES = ["a", "b c", "true", "1", "", "0x1F", "ümlaut", "$(VAR)", "a:b", "#x"]
IMAGES = ["nginx", "nginx:1.7", "reg.example:5000/nginx", "nginx@sha256:ab", "reg.example/a/b:v1@sha256:cd", "busybox:latest"]
RAW = [
    "yes",
    "on",
    "012",
    "0x1F",
    "1_000",
    "1e3",
    "1.10",
    "~",
    "null",
    "2001-01-01",
    "'q'",
    '"d"',
    "5",
    "true",
    "0.5",
    "-0",
    ".5",
]
"""Plain scalars as a person may write them."""

names = st.sampled_from(NAMES)
pairs = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), min_size=1, max_size=2)


class Raw(str):
    """A scalar that stands in the file as it is."""

    __slots__ = ()


def dump(documents: list[Any], *, flow: bool | None = False) -> str:
    """Documents as YAML with raw scalars in place."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, _data: object) -> bool:
            return True

    marks: list[str] = []

    def raw(dumper: yaml.SafeDumper, value: Raw) -> yaml.Node:
        marks.append(str(value))
        return dumper.represent_scalar("tag:yaml.org,2002:str", f"RAW{len(marks) - 1}RAW")

    Dumper.add_representer(Raw, raw)
    text = yaml.dump_all(documents, Dumper=Dumper, default_flow_style=flow, sort_keys=False, width=1000, allow_unicode=True)
    for index, mark in reversed(list(enumerate(marks))):
        text = text.replace(f"RAW{index}RAW", mark)
    return text


@st.composite
def metadata(draw: st.DrawFn, *, namespaced: bool = True) -> Object:
    """A name, and perhaps a namespace, labels and annotations."""
    found: Object = {"name": draw(names)}
    if namespaced and (namespace := draw(st.sampled_from(NAMESPACES))):
        found["namespace"] = namespace
    if draw(st.booleans()):
        found["labels"] = draw(pairs)
    if draw(st.integers(0, 3)) == 0:
        found["annotations"] = {
            draw(st.sampled_from(KEYS)): draw(st.sampled_from([*VALUES, *map(Raw, ["true", "5", "1.50", "x"])]))
        }
    return found


@st.composite
def pod_specs(draw: st.DrawFn) -> Object:
    """A pod that refers to other objects by name."""
    containers = [
        {"name": name, "image": draw(st.sampled_from(IMAGES)), **draw(container_parts())}
        for name in draw(st.lists(st.sampled_from(["main", "side", "init"]), min_size=1, max_size=2, unique=True))
    ]
    spec: Object = {"containers": containers}
    if draw(st.booleans()):
        spec["serviceAccountName"] = draw(names)
    if draw(st.booleans()):
        spec["volumes"] = draw(st.lists(volumes(), max_size=2))
    if draw(st.integers(0, 3)) == 0:
        spec["initContainers"] = [{"name": "init", "image": draw(st.sampled_from(IMAGES))}]
    if draw(st.integers(0, 3)) == 0:
        spec["imagePullSecrets"] = [{"name": draw(names)}]
    return spec


@st.composite
def container_parts(draw: st.DrawFn) -> Object:
    """Environment, ports and mounts of a container."""
    parts: Object = {}
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["configMapKeyRef", "secretKeyRef"]))
        parts["env"] = [
            {"name": "A", "value": draw(st.sampled_from(VALUES))},
            {"name": "B", "valueFrom": {kind: {"name": draw(names), "key": "k"}}},
        ]
    if draw(st.booleans()):
        parts["envFrom"] = [{draw(st.sampled_from(["configMapRef", "secretRef"])): {"name": draw(names)}}]
    if draw(st.booleans()):
        parts["ports"] = [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]
    if draw(st.booleans()):
        parts["args"] = ["--x", "$(VAR)", "plain"]
    return parts


@st.composite
def volumes(draw: st.DrawFn) -> Object:
    """A volume of another object."""
    name = draw(names)
    source: Object = draw(
        st.sampled_from(
            [
                {"configMap": {"name": name}},
                {"secret": {"secretName": name}},
                {"persistentVolumeClaim": {"claimName": name}},
                {"emptyDir": {}},
                {"projected": {"sources": [{"configMap": {"name": name}}, {"secret": {"name": name}}]}},
            ]
        )
    )
    return {"name": draw(st.sampled_from(["v1", "v2"])), **source}


@st.composite
def templates(draw: st.DrawFn) -> Object:
    """A pod template."""
    found: Object = {"spec": draw(pod_specs())}
    if draw(st.booleans()):
        found["metadata"] = {"labels": draw(pairs)}
    return found


@st.composite
def workloads(draw: st.DrawFn) -> Object:
    """A workload of any kind."""
    version, kind = draw(
        st.sampled_from(
            [
                ("apps/v1", "Deployment"),
                ("apps/v1", "StatefulSet"),
                ("apps/v1", "DaemonSet"),
                ("apps/v1", "ReplicaSet"),
                ("batch/v1", "Job"),
                ("batch/v1", "CronJob"),
                ("v1", "Pod"),
                ("v1", "ReplicationController"),
                ("example.com/v1", "Widget"),
            ]
        )
    )
    spec: Object = {"template": draw(templates())}
    if kind == "Pod":
        spec = draw(pod_specs())
    elif kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    elif draw(st.booleans()):
        spec = {"replicas": draw(st.integers(0, 3)), "selector": {"matchLabels": draw(pairs)}, **spec}
    if kind == "StatefulSet" and draw(st.booleans()):
        spec |= {"serviceName": draw(names), "volumeClaimTemplates": [{"metadata": {"name": "v1"}, "spec": {}}]}
    return {"apiVersion": version, "kind": kind, "metadata": draw(metadata()), "spec": spec}


def _data(kind: str) -> Callable[[st.DrawFn], Object]:
    def fields(draw: st.DrawFn) -> Object:
        values = st.sampled_from([*VALUES, *map(Raw, RAW), '{"a": {"b": "c"}, "n": 1}', "line\nline\n"])
        return {
            "kind": kind,
            "apiVersion": "v1",
            "data": draw(st.dictionaries(st.sampled_from(["k", "l", "m"]), values, max_size=3)),
        }

    return fields


def _rules(draw: st.DrawFn) -> list[Object]:
    return [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": draw(st.lists(names, max_size=2)), "verbs": ["get"]}]


def _subjects(draw: st.DrawFn) -> list[Object]:
    subject = {"kind": draw(st.sampled_from(["ServiceAccount", "User"])), "name": draw(st.sampled_from([*NAMES, "default"]))}
    if draw(st.booleans()):
        subject["namespace"] = draw(st.sampled_from(["default", "prod", "kube-system"]))
    return [subject]


def _binding(kind: str) -> Callable[[st.DrawFn], Object]:
    def fields(draw: st.DrawFn) -> Object:
        role = {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": draw(st.sampled_from(["Role", "ClusterRole"])),
            "name": draw(names),
        }
        return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "roleRef": role, "subjects": _subjects(draw)}

    return fields


def _role(kind: str) -> Callable[[st.DrawFn], Object]:
    return lambda draw: {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "rules": _rules(draw)}


def _service(draw: st.DrawFn) -> Object:
    ports = [{"port": 80, "targetPort": draw(st.sampled_from([8080, "http"]))}]
    return {"apiVersion": "v1", "kind": "Service", "spec": {"selector": draw(pairs), "ports": ports}}


def _webhook(draw: st.DrawFn) -> Object:
    service = {"name": draw(names), "namespace": draw(st.sampled_from(["default", "prod"]))}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "webhooks": [{"name": "w", "clientConfig": {"service": service}}],
    }


def _ingress(draw: st.DrawFn) -> Object:
    path = {"path": "/", "backend": {"service": {"name": draw(names), "port": {"number": 80}}}}
    spec = {"rules": [{"host": "h", "http": {"paths": [path]}}], "tls": [{"secretName": draw(names)}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": spec}


def _scaler(draw: st.DrawFn) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": draw(names)}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": target}}


def _policy(draw: st.DrawFn) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "spec": {
            "podSelector": {"matchLabels": draw(pairs)},
            "ingress": [{"from": [{"podSelector": {"matchLabels": draw(pairs)}}]}],
        },
    }


_CLUSTER = frozenset(
    {
        "Namespace",
        "ClusterRole",
        "ClusterRoleBinding",
        "PersistentVolume",
        "CustomResourceDefinition",
        "ValidatingWebhookConfiguration",
    }
)
_OTHERS: list[Callable[[st.DrawFn], Object]] = [
    _data("ConfigMap"),
    _data("ConfigMap"),
    _data("Secret"),
    _service,
    _role("Role"),
    _role("ClusterRole"),
    _binding("RoleBinding"),
    _binding("ClusterRoleBinding"),
    _webhook,
    _ingress,
    _scaler,
    _policy,
    lambda _draw: {"apiVersion": "v1", "kind": "ServiceAccount"},
    lambda _draw: {"apiVersion": "v1", "kind": "Namespace"},
    lambda _draw: {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"volumeName": "app"}},
    lambda _draw: {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"storageClassName": "web"}},
    lambda _draw: {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {"group": "example.com"}},
]


@st.composite
def others(draw: st.DrawFn) -> Object:
    """An object that is no workload."""
    obj: Object = draw(st.sampled_from(_OTHERS))(draw)
    return obj | {"metadata": draw(metadata(namespaced=obj["kind"] not in _CLUSTER))}


objects = st.one_of(workloads(), others())
