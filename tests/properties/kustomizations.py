"""Random kustomizations: bases, overlays and components with every transformer and patch kind, odd names and YAML spellings."""

from __future__ import annotations

import json
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
RAW = ["yes", "on", "012", "0x1F", "1_000", "1e3", "1.10", "~", "null", "2001-01-01", "'q'", '"d"', "5", "true", "0.5", "-0", ".5"]
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
        found["annotations"] = {draw(st.sampled_from(KEYS)): draw(st.sampled_from([*VALUES, *map(Raw, ["true", "5", "1.50", "x"])]))}
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
    source = draw(
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
        return {"kind": kind, "apiVersion": "v1", "data": draw(st.dictionaries(st.sampled_from(["k", "l", "m"]), values, max_size=3))}

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
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": draw(st.sampled_from(["Role", "ClusterRole"])), "name": draw(names)}
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
        "spec": {"podSelector": {"matchLabels": draw(pairs)}, "ingress": [{"from": [{"podSelector": {"matchLabels": draw(pairs)}}]}]},
    }


_CLUSTER = frozenset(
    {"Namespace", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "CustomResourceDefinition", "ValidatingWebhookConfiguration"}
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
    obj = draw(st.sampled_from(_OTHERS))(draw)
    return obj | {"metadata": draw(metadata(namespaced=obj["kind"] not in _CLUSTER))}


objects = st.one_of(workloads(), others())

selectors = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["Deployment", "ConfigMap", ".*Set", "Deployment|StatefulSet", "Service"]),
        "name": st.sampled_from([*NAMES, ".*", "a.*", "p-app"]),
        "namespace": st.sampled_from(["prod", "default", ".*"]),
        "labelSelector": st.sampled_from(["app=a", "app in (a,b)", "!team", "team", "app!=a", "x=1,app"]),
        "annotationSelector": st.sampled_from(["x", "app=a"]),
    },
).filter(bool)


def _merge_of(draw: st.DrawFn, target: Object) -> Object:
    """A strategic merge for an object: a few fields with values, nulls and directives."""
    patch: Object = {part: target[part] for part in ("apiVersion", "kind")}
    patch["metadata"] = {part: target["metadata"][part] for part in ("name", "namespace") if part in target["metadata"]}
    change = draw(st.integers(0, 7))
    if change == 0:
        patch["metadata"]["labels"] = {"team": "patched", "x": None}
    elif change == 1:
        patch["metadata"]["annotations"] = {"patched": "yes"}
    elif change == 2:
        patch["spec"] = {"replicas": 9}
    elif change == 3:
        container = {"name": draw(st.sampled_from(["main", "new"])), "image": "patched:1", "env": [{"name": "A", "value": "patched"}]}
        patch["spec"] = {"template": {"spec": {"containers": [container]}}}
    elif change == 4:
        patch["data"] = {"k": "patched", "l": None, "n": draw(st.sampled_from(["v", Raw("012"), Raw("~")]))}
    elif change == 5:
        patch["$patch"] = "delete"
    elif change == 6:
        patch["spec"] = {"template": {"spec": {"containers": [{"name": "main", "$patch": "delete"}], "volumes": None}}}
    else:
        patch["spec"] = {"template": {"spec": {"volumes": [{"name": "v1", "emptyDir": {}, "configMap": None}, {"name": "v9", "emptyDir": {}}]}}}
    return patch


_OPERATIONS = [
    {"op": "add", "path": "/metadata/annotations", "value": {"yy": "z"}},
    {"op": "add", "path": "/metadata/annotations", "value": {"yy": None, "nn": 5}},
    {"op": "replace", "path": "/metadata/labels", "value": {"yy": "z"}},
    {"op": "add", "path": "/spec", "value": {"replicas": 1}},
    {"op": "add", "path": "/metadata/labels/team", "value": "x"},
    {"op": "replace", "path": "/metadata/name", "value": "renamed"},
    {"op": "remove", "path": "/spec/replicas"},
    {"op": "test", "path": "/kind", "value": "Deployment"},
    {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "added", "image": "nginx"}},
    {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "replaced:2"},
    {"op": "copy", "from": "/metadata/name", "path": "/metadata/annotations/copied"},
    {"op": "move", "from": "/metadata/labels", "path": "/metadata/annotations"},
    {"op": "add", "path": "/data/k", "value": "new"},
]


@st.composite
def patches(draw: st.DrawFn, known: list[Object]) -> Object:
    """An entry of `patches`."""
    if known and draw(st.booleans()):
        entry: Object = {"patch": dump([_merge_of(draw, draw(st.sampled_from(known)))])}
        if draw(st.integers(0, 3)) == 0:
            entry["target"] = draw(selectors)
            if draw(st.booleans()):
                entry["options"] = {"allowNameChange": draw(st.booleans()), "allowKindChange": draw(st.booleans())}
        return entry
    operations = draw(st.lists(st.sampled_from(_OPERATIONS), min_size=1, max_size=2 if draw(st.integers(0, 4)) == 0 else 1))
    text = json.dumps(operations) if draw(st.booleans()) else dump([operations])
    return {"target": draw(selectors), "patch": text}


def _named(known: list[Object], *kinds: str) -> list[str]:
    return [obj["metadata"]["name"] for obj in known if obj["kind"] in kinds]


@st.composite
def generators(draw: st.DrawFn, known: list[Object], kind: str) -> Object:
    """An entry of a generator: a new name, or one that is there with a behavior that allows it."""
    keys = draw(st.lists(st.sampled_from(["k", "l", "m"]), unique=True, max_size=3))
    there = _named(known, kind)
    name = draw(st.sampled_from([f"gen-{number}" for number in range(40)]))
    found: Object = {"name": name, "literals": [f"{key}={draw(st.sampled_from(VALUES))}" for key in keys]}
    if (there and draw(st.integers(0, 2)) == 0) or draw(st.integers(0, 99)) == 0:
        found |= {"name": draw(st.sampled_from(there or [name])), "behavior": draw(st.sampled_from(["merge", "replace"]))}
    if draw(st.integers(0, 3)) == 0:
        found["files"] = draw(st.sampled_from([["file.txt"], ["named=file.txt"], ["bytes.bin"]]))
    if draw(st.integers(0, 3)) == 0:
        found["envs"] = ["some.env"]
    if draw(st.integers(0, 3)) == 0:
        found["namespace"] = draw(st.sampled_from(["prod", "default"]))
    if draw(st.integers(0, 2)) == 0:
        found["options"] = draw(generator_options)
    return found


generator_options = st.fixed_dictionaries(
    {}, optional={"disableNameSuffixHash": st.booleans(), "immutable": st.booleans(), "labels": pairs, "annotations": pairs}
)

labels = st.fixed_dictionaries(
    {"pairs": pairs},
    optional={"includeSelectors": st.booleans(), "includeTemplates": st.booleans(), "fields": st.just([{"path": "spec/extra", "create": True}])},
)

images = st.fixed_dictionaries(
    {"name": st.sampled_from(["nginx", "reg.example:5000/nginx", "busybox", "reg.example/a/b"])},
    optional={
        "newName": st.sampled_from(["mirror/nginx", "busybox"]),
        "newTag": st.sampled_from(["v2", "1.5"]),
        "digest": st.just("sha256:ef"),
        "tagSuffix": st.just("-x"),
    },
)


@st.composite
def replacements(draw: st.DrawFn, known: list[Object]) -> Object:
    """An entry of `replacements`."""
    source_object = draw(st.sampled_from(known)) if known else {"kind": "ConfigMap", "metadata": {"name": "conf"}}
    there = [f"data.{key}" for key in source_object.get("data") or {}] + (["spec.replicas"] if "replicas" in source_object.get("spec", {}) else [])
    source: Object = {
        "kind": source_object["kind"],
        "name": source_object["metadata"]["name"],
        "fieldPath": draw(st.sampled_from(["metadata.name", "kind", *there, *there])),
    }
    if draw(st.integers(0, 4)) == 0:
        source["options"] = {"delimiter": draw(st.sampled_from(["-", "."])), "index": draw(st.sampled_from([0, 0, 0, 1]))}
    target: Object = {
        "select": draw(selectors.map(lambda one: {key: value for key, value in one.items() if key in {"kind", "name"}} or {"kind": "Service"})),
        "fieldPaths": [
            draw(
                st.sampled_from(
                    [
                        "metadata.labels.copied",
                        "metadata.annotations.[a.b/c]",
                        "spec.template.spec.containers.*.image",
                        "spec.template.spec.containers.[name=main].image",
                        "spec.template.spec.containers.0.name",
                        "data.k",
                        "spec.replicas",
                    ]
                )
            )
        ],
    }
    options = draw(st.fixed_dictionaries({}, optional={"create": st.booleans(), "delimiter": st.just(":"), "index": st.integers(-1, 2)}))
    return {"source": source, "targets": [target | ({"options": options} if options else {})]}


@st.composite
def kustomizations(draw: st.DrawFn, known: list[Object]) -> Object:
    """The transforming fields of a kustomization over objects that are known to be below it."""
    found: Object = {}

    def maybe(name: str, strategy: st.SearchStrategy[Any], chance: int = 4) -> None:
        if draw(st.integers(0, chance)) == 0:
            found[name] = draw(strategy)

    maybe("namespace", st.sampled_from(["prod", "stage", "default"]))
    maybe("namePrefix", st.sampled_from(["p-", "q."]), 2)
    maybe("nameSuffix", st.sampled_from(["-s", "-1"]))
    maybe("commonLabels", pairs)
    maybe("labels", st.lists(labels, min_size=1, max_size=2))
    maybe("commonAnnotations", pairs)
    maybe("images", st.lists(images, min_size=1, max_size=2), 2)
    if scaled := _named(known, "Deployment", "StatefulSet", "ReplicaSet"):
        maybe("replicas", st.lists(st.fixed_dictionaries({"name": st.sampled_from(scaled), "count": st.integers(0, 5)}), min_size=1, max_size=1))
    maybe("patches", st.lists(patches(known), min_size=1, max_size=2), 2)
    maybe("configMapGenerator", st.lists(generators(known, "ConfigMap"), min_size=1, max_size=2, unique_by=lambda one: one["name"]), 2)
    maybe("secretGenerator", st.lists(generators(known, "Secret"), min_size=1, max_size=1), 4)
    maybe("generatorOptions", generator_options, 5)
    maybe("replacements", st.lists(replacements(known), min_size=1, max_size=1), 4)
    maybe("sortOptions", st.sampled_from([{"order": "fifo"}, {"order": "legacy"}]), 5)
    maybe("buildMetadata", st.lists(st.sampled_from(["originAnnotations", "transformerAnnotations", "managedByLabel"]), max_size=3), 7)
    if "app" in _named(known, "Service") or draw(st.integers(0, 49)) == 0:
        maybe("vars", st.just([{"name": "VAR", "objref": {"apiVersion": "v1", "kind": "Service", "name": "app"}}]))
    if known and draw(st.integers(0, 7)) == 0:
        found["patchesStrategicMerge"] = [dump([_merge_of(draw, draw(st.sampled_from(known)))])]
    return found


def _distinct(found: list[Object], below: list[Object]) -> list[Object]:
    """Without those whose kind and name are there already."""
    taken = {(obj["kind"], obj["metadata"]["name"]) for obj in below}
    kept: list[Object] = []
    for obj in found:
        if (key := (obj["kind"], obj["metadata"]["name"])) not in taken:
            taken.add(key)
            kept.append(obj)
    return kept


def _add(files: Files, folder: str, spec: Object, resources: list[str]) -> None:
    files[f"{folder}/kustomization.yaml"] = dump([spec | ({"resources": resources} if resources else {})])
    files[f"{folder}/file.txt"] = "some text\nmore\n"
    files[f"{folder}/bytes.bin"] = "binary"
    files[f"{folder}/some.env"] = "# comment\nE=1\nF=two words\n\nG=\n"


@st.composite
def repositories(draw: st.DrawFn) -> Files:
    """A base, perhaps a component, and one or two overlays; the last is `top`."""
    files: Files = {}
    below = _distinct(draw(st.lists(objects, min_size=1, max_size=6)), [])
    flow = draw(st.sampled_from([False, True, None]))
    if draw(st.integers(0, 4)) == 0:
        files["base/all.yaml"] = dump([{"apiVersion": "v1", "kind": "List", "items": below}], flow=flow)
        resources = ["all.yaml"]
    else:
        resources = [f"r{index}.yaml" for index in range(len(below))]
        files |= {f"base/{name}": dump([obj], flow=flow) for name, obj in zip(resources, below, strict=True)}
    _add(files, "base", draw(kustomizations(below)), resources)
    layer = "base"
    for name in draw(st.sampled_from([["top"], ["top"], ["mid", "top"]])):
        own = _distinct(draw(st.lists(objects, max_size=2)), below if draw(st.integers(0, 5)) else [])
        mine = [f"o{index}.yaml" for index in range(len(own))]
        files |= {f"{name}/{file}": dump([obj]) for file, obj in zip(mine, own, strict=True)}
        below = below + own
        spec = draw(kustomizations(below))
        if draw(st.integers(0, 4)) == 0:
            spec["components"] = [f"../component-{name}"]
            component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", **draw(kustomizations(below))}
            _add(files, f"component-{name}", component, [])
        _add(files, name, spec, [f"../{layer}", *mine])
        layer = name
    return files
