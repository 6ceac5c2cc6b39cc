"""Random kustomizations: bases, overlays and components with every transformer and patch kind over random objects."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.properties.manifests import NAMES, VALUES, Files, Object, Raw, dump, objects, pairs
from tests.properties.plugins import ENVIRONMENTS, GENERATORS, TRANSFORMERS, VALIDATORS, beside

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
        container = {
            "name": draw(st.sampled_from(["main", "new"])),
            "image": "patched:1",
            "env": [{"name": "A", "value": "patched"}],
        }
        patch["spec"] = {"template": {"spec": {"containers": [container]}}}
    elif change == 4:
        patch["data"] = {"k": "patched", "l": None, "n": draw(st.sampled_from(["v", Raw("012"), Raw("~")]))}
    elif change == 5:
        patch["$patch"] = "delete"
    elif change == 6:
        patch["spec"] = {"template": {"spec": {"containers": [{"name": "main", "$patch": "delete"}], "volumes": None}}}
    else:
        patch["spec"] = {
            "template": {"spec": {"volumes": [{"name": "v1", "emptyDir": {}, "configMap": None}, {"name": "v9", "emptyDir": {}}]}}
        }
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
    if bool(known) and draw(st.booleans()):
        entry: Object = {"patch": dump([_merge_of(draw, draw(st.sampled_from(known)))])}
        if draw(st.integers(0, 3)) == 0:
            entry["target"] = draw(selectors)
            if draw(st.booleans()):
                entry["options"] = {"allowNameChange": draw(st.booleans()), "allowKindChange": draw(st.booleans())}
                # A generated object of another kind is hashed over Go's parse tree, line numbers included: not for us.
                entry["target"] |= {"kind": ".*Set|Deployment|Service"}
        return entry
    operations = draw(
        st.lists(
            st.sampled_from([*_OPERATIONS[:6] * 3, *_OPERATIONS]), min_size=1, max_size=2 if draw(st.integers(0, 4)) == 0 else 1
        )
    )
    text = json.dumps(operations) if draw(st.booleans()) else dump([operations])
    return {"target": draw(selectors), "patch": text}


@st.composite
def json_patches(draw: st.DrawFn, known: list[Object]) -> Object:
    """An entry of `patchesJson6902`, whose target has a name."""
    target = draw(st.sampled_from(known))
    name = draw(st.sampled_from([target["metadata"]["name"], target["metadata"]["name"], "gone"]))
    operations = [draw(st.sampled_from([*_OPERATIONS[:4] * 4, *_OPERATIONS]))]  # those that always apply more often
    return {"target": {"kind": target["kind"], "name": name}, "patch": dump([operations])}


def _named(known: list[Object], *kinds: str) -> list[str]:
    return [obj["metadata"]["name"] for obj in known if obj["kind"] in kinds]


@st.composite
def generators(draw: st.DrawFn, known: list[Object], kind: str, folder: str) -> Object:
    """An entry of a generator: a new name, or one that is there with a behavior that allows it."""
    keys = draw(st.lists(st.sampled_from(["k", "l", "m"]), unique=True, max_size=3))
    there = [obj["metadata"] for obj in known if obj["kind"] == kind]
    name = draw(st.sampled_from([f"{folder}-{number}" for number in range(400)]))
    values = st.sampled_from([*VALUES, "'quoted'", '"quoted"', '"half', "a=b"])
    found: Object = {"name": name, "literals": [f"{key}={draw(values)}" for key in keys]}
    if draw(st.integers(0, 3)) == 0:
        found["namespace"] = draw(st.sampled_from(["prod", "default"]))
    if there and draw(st.integers(0, 2)) == 0:
        same = draw(st.sampled_from(there))
        found |= {"name": same["name"], "behavior": draw(st.sampled_from(["merge", "replace"]))}
        found |= {"namespace": same.get("namespace", "")}
    if draw(st.integers(0, 3)) == 0:
        found["files"] = draw(st.sampled_from([["file.txt"], ["named=file.txt"], ["bytes.bin"]]))
    if draw(st.integers(0, 3)) == 0:
        found["envs"] = ["some.env"]
    if draw(st.integers(0, 2)) == 0:
        found["options"] = draw(generator_options)
    return found


generator_options = st.fixed_dictionaries(
    {}, optional={"disableNameSuffixHash": st.booleans(), "immutable": st.booleans(), "labels": pairs, "annotations": pairs}
)

labels = st.fixed_dictionaries(
    {"pairs": pairs},
    optional={
        "includeSelectors": st.booleans(),
        "includeTemplates": st.booleans(),
        "fields": st.sampled_from([[{"path": "spec/extra", "create": True}], [{"path": "spec/x[]/labels", "kind": "Widget"}]]),
    },
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
    nothing: Object = {"kind": "ConfigMap", "metadata": {"name": "conf"}}
    source_object = draw(st.sampled_from(known or [nothing]))
    there = [f"data.{key}" for key in source_object.get("data") or {}]
    if "replicas" in source_object.get("spec", {}):
        there.append("spec.replicas")
    source: Object = {
        "kind": source_object["kind"],
        "name": source_object["metadata"]["name"],
        "fieldPath": draw(st.sampled_from(["metadata.name", "kind", *there, *there])),
    }
    if draw(st.integers(0, 4)) == 0:
        source["options"] = {"delimiter": draw(st.sampled_from(["-", "."])), "index": draw(st.sampled_from([0] * 9 + [1]))}
    target: Object = {
        "select": draw(
            selectors.map(
                lambda one: {key: value for key, value in one.items() if key in {"kind", "name"}} or {"kind": "Service"}
            )
        ),
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
                        "data.k.a.b",
                        "spec.replicas",
                        "metadata.name",
                        ".metadata.labels.app",
                    ]
                )
            )
        ],
    }
    options = draw(
        st.fixed_dictionaries({}, optional={"create": st.booleans(), "delimiter": st.just(":"), "index": st.integers(-1, 2)})
    )
    if draw(st.integers(0, 4)) == 0:
        target["reject"] = [draw(selectors)]
    if draw(st.integers(0, 4)) == 0:
        target["fieldPaths"].append("metadata.annotations.also")
    whole: Object = {"targets": [target | ({"options": options} if options else {})]}
    return whole | ({"sourceValue": draw(st.sampled_from(VALUES))} if draw(st.integers(0, 5)) == 0 else {"source": source})


@st.composite
def kustomizations(draw: st.DrawFn, known: list[Object], folder: str) -> Object:
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
        maybe(
            "replicas",
            st.lists(
                st.fixed_dictionaries({"name": st.sampled_from(scaled), "count": st.integers(0, 5)}), min_size=1, max_size=1
            ),
        )
    maybe("patches", st.lists(patches(known), min_size=1, max_size=2), 2)
    maybe(
        "configMapGenerator",
        st.lists(generators(known, "ConfigMap", folder), min_size=1, max_size=2, unique_by=lambda one: one["name"]),
        2,
    )
    maybe("secretGenerator", st.lists(generators(known, "Secret", folder), min_size=1, max_size=1), 4)
    maybe("generatorOptions", generator_options, 5)
    maybe("replacements", st.lists(replacements(known), min_size=1, max_size=1), 4)
    maybe("sortOptions", st.sampled_from([{"order": "fifo"}, {"order": "legacy"}]), 5)
    maybe(
        "buildMetadata",
        st.lists(st.sampled_from(["originAnnotations", "transformerAnnotations", "managedByLabel"]), max_size=3),
        7,
    )
    if "app" in _named(known, "Service") or draw(st.integers(0, 49)) == 0:
        maybe("vars", st.just([{"name": "VAR", "objref": {"apiVersion": "v1", "kind": "Service", "name": "app"}}]))
    maybe("transformers", st.lists(st.sampled_from([*TRANSFORMERS, "transformers.yaml"]), min_size=1, max_size=1), 5)
    maybe("generators", st.lists(st.sampled_from(GENERATORS), min_size=1, max_size=1), 14)
    maybe("validators", st.lists(st.sampled_from(VALIDATORS), min_size=1, max_size=1), 29)
    maybe("configurations", st.sampled_from([["configuration-0.yaml"], ["configuration-1.yaml"]]), 8)
    maybe("crds", st.just(["crd.yaml"]), 14)
    maybe("imageTags", st.lists(images, min_size=1, max_size=1), 14)
    if known:
        maybe("patchesJson6902", st.lists(json_patches(known), min_size=1, max_size=1), 7)
    if known and draw(st.integers(0, 7)) == 0:
        merges = [_merge_of(draw, draw(st.sampled_from(known))) for _ in range(draw(st.integers(1, 2)))]
        found["patchesStrategicMerge"] = [dump(merges)]
    return found


def _generated(spec: Object) -> list[Object]:
    """What the generators of a kustomization add, as far as layers above need to know it."""
    made = [("ConfigMap", entry) for entry in spec.get("configMapGenerator", ())]
    made += [("Secret", entry) for entry in spec.get("secretGenerator", ())]
    return [
        {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {part: entry[part] for part in ("name", "namespace") if part in entry},
        }
        for kind, entry in made
        if "behavior" not in entry
    ]


def _distinct(found: list[Object], below: list[Object]) -> list[Object]:
    """Without those whose kind and name are there already."""
    taken = {(obj["kind"], obj["metadata"]["name"]) for obj in below}
    kept: list[Object] = []
    for obj in found:
        if (key := (obj["kind"], obj["metadata"]["name"])) not in taken:
            taken.add(key)
            kept.append(obj)
    return kept


@st.composite
def folders(draw: st.DrawFn, folder: str, spec: Object, resources: list[str]) -> Files:
    """A kustomization with the files that it may name; some of its patches and replacements stand in files."""
    files = beside(folder, draw(st.sampled_from(ENVIRONMENTS)))
    patches = [dict(patch) for patch in spec.get("patches", ())]
    for index, patch in enumerate(patches):
        if draw(st.integers(0, 3)) == 0:
            files[f"{folder}/patch-{index}.yaml"] = patch.pop("patch")
            patch["path"] = f"patch-{index}.yaml"
    more: Object = {"patches": patches} if patches else {}
    if "replacements" in spec and draw(st.integers(0, 3)) == 0:
        files[f"{folder}/replacements.yaml"] = dump([spec["replacements"]])
        more["replacements"] = [{"path": "replacements.yaml"}]
    bases = [path for path in resources if path.startswith("../")]
    if bases and draw(st.integers(0, 9)) == 0:
        more["bases"], resources = bases, [path for path in resources if path not in bases]
    files[f"{folder}/kustomization.yaml"] = dump([spec | more | ({"resources": resources} if resources else {})])
    return files


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
    spec = draw(kustomizations(below, "base"))
    files |= draw(folders("base", spec, resources))
    below = below + _generated(spec)
    layers = ["base"]
    if draw(st.integers(0, 5)) == 0:  # a diamond: the base twice, under other names
        layers = ["left", "right"]
        for name in layers:
            files |= draw(folders(name, draw(kustomizations(below, name)) | {"namePrefix": f"{name}-"}, ["../base"]))
    for name in draw(st.sampled_from([["top"], ["top"], ["mid", "top"]])):
        own = _distinct(draw(st.lists(objects, max_size=2)), below if draw(st.integers(0, 5)) else [])
        mine = [f"o{index}.yaml" for index in range(len(own))]
        files |= {f"{name}/{file}": dump([obj]) for file, obj in zip(mine, own, strict=True)}
        below = below + own
        spec = draw(kustomizations(below, name))
        if draw(st.integers(0, 4)) == 0:
            spec["components"] = [f"../component-{name}"]
            component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
            component |= draw(kustomizations(below, f"component-{name}"))
            files |= draw(folders(f"component-{name}", component, []))
        files |= draw(folders(name, spec, [*(f"../{layer}" for layer in layers), *mine]))
        layers, below = [name], below + _generated(spec)
    return files
