"""Configuration objects of plugins, and other files that random kustomizations name."""

from __future__ import annotations

from typing import Any

from tests.properties.manifests import Files, Object, dump


def _plugin(kind: str, **fields: Any) -> str:
    return dump([{"apiVersion": "builtin", "kind": kind, "metadata": {"name": kind.lower()}, **fields}])


_NAME_SPEC = [{"path": "metadata/name"}]
_LABEL_SPECS = [
    {"path": "metadata/labels", "create": True},
    {"path": "spec/template/metadata/labels", "kind": "Deployment", "create": True},
]
_ADD_LABEL = '[{"op": "add", "path": "/metadata/labels", "value": {"by": "operation"}}]'

TRANSFORMERS = [
    _plugin("PrefixTransformer", prefix="pt-", fieldSpecs=_NAME_SPEC),
    _plugin("SuffixTransformer", suffix="-st", fieldSpecs=_NAME_SPEC),
    _plugin("PrefixSuffixTransformer", prefix="pp-", suffix="-ss", fieldSpecs=_NAME_SPEC),
    _plugin("PrefixTransformer", prefix="pt-", fieldSpecs=[{"path": "spec/template/spec/containers/name"}]),
    _plugin("LabelTransformer", labels={"team": "plugin", "n": 5}, fieldSpecs=_LABEL_SPECS),
    _plugin("AnnotationsTransformer", annotations={"b": True}, fieldSpecs=[{"path": "metadata/annotations", "create": True}]),
    _plugin("ImageTagTransformer", imageTag={"name": "nginx", "newTag": "plugin"}, fieldSpecs=[]),
    _plugin("ImageTagTransformer", imageTag={"name": "ngin.", "digest": "sha256:ab"}, fieldSpecs=[{"path": "spec/image"}]),
    _plugin("HashTransformer"),
    _plugin("ValueAddTransformer", value="added", targets=[{"fieldPath": "metadata/labels/added"}]),
    _plugin(
        "ValueAddTransformer",
        value="added",
        targets=[{"selector": {"kind": "Service"}, "fieldPath": "spec/path", "filePathPosition": 2}],
    ),
    _plugin("ValueAddTransformer", value="added", targets=[{"fieldPath": "metadata/namespace"}]),
    _plugin("PatchTransformer", target={"kind": "Deployment|Service"}, patch=_ADD_LABEL),
    _plugin("PatchTransformer", target={"labelSelector": "app"}, patch=_ADD_LABEL),
    _plugin("PatchJson6902Transformer", target={"version": "v1", "kind": "Service", "name": "app"}, jsonOp=_ADD_LABEL),
    _plugin(
        "ReplicaCountTransformer", replica={"name": "app", "count": 7}, fieldSpecs=[{"path": "spec/replicas", "create": True}]
    ),
    _plugin(
        "ReplacementTransformer",
        replacements=[
            {
                "source": {"kind": "Service", "name": "app", "fieldPath": "kind"},
                "targets": [
                    {"select": {"kind": "Deployment"}, "fieldPaths": ["metadata.labels.by"], "options": {"create": True}}
                ],
            }
        ],
    ),
    *(
        _plugin(
            "NamespaceTransformer",
            metadata={"name": "n", "namespace": "plugged"},
            fieldSpecs=[{"path": "metadata/name", "kind": "Namespace", "create": True}],
            **options,
        )
        for options in (
            {},
            {"unsetOnly": True},
            {"setRoleBindingSubjects": "allServiceAccounts"},
            {"setRoleBindingSubjects": "none"},
        )
    ),
]
GENERATORS = [
    _plugin("ConfigMapGenerator", name="plugged", literals=["a=1"]),
    _plugin("SecretGenerator", name="plugged", envs=["some.env"], type="example.com/kind", options={"immutable": True}),
    _plugin("ConfigMapGenerator", name="plugged", files=["file.txt", "named=bytes.bin"], options={"labels": {"by": "plugin"}}),
]
VALIDATORS = [
    _plugin("PatchTransformer", target={"kind": "Service"}, patch='[{"op": "test", "path": "/kind", "value": "Service"}]'),
    _plugin("PatchTransformer", target={"name": "app"}, patch='[{"op": "test", "path": "/metadata/name", "value": "app"}]'),
    _plugin("ImageTagTransformer", imageTag={"name": "nothing", "newTag": "changed"}),
]

CONFIGURATIONS: list[Object] = [
    {
        "namePrefix": [{"path": "metadata/name", "kind": "Deployment"}],
        "nameReference": [{"kind": "ConfigMap", "fieldSpecs": [{"path": "spec/confRef", "kind": "Widget"}]}],
        "commonLabels": [{"path": "spec/labels", "create": True, "kind": "Widget"}],
        "images": [{"path": "spec/image", "kind": "Widget"}],
    },
    {
        "nameSuffix": [{"path": "spec/suffixed", "create": True, "kind": "Widget"}],
        "labels": [{"path": "spec/more", "create": True, "kind": "Widget"}],
        "templateLabels": [{"path": "spec/template/metadata/labels", "create": True, "kind": "Widget"}],
        "commonAnnotations": [{"path": "spec/template/metadata/annotations", "create": True, "kind": "Widget"}],
        "namespace": [{"path": "spec/namespace", "create": True, "kind": "Widget"}],
        "replicas": [{"path": "spec/replicas", "create": True, "kind": "Widget"}],
        "varReference": [{"path": "metadata/annotations"}, {"path": "spec/template/spec/containers/env/value", "kind": "Widget"}],
        "nameReference": [
            {"kind": "Service", "version": "v1", "fieldSpecs": [{"path": "metadata/annotations/app"}]},
            {"kind": "Secret", "fieldSpecs": [{"path": "spec/template/spec/volumes/secret/secretName", "kind": "Widget"}]},
        ],
    },
]

_CRD = {
    "example.com/v1.Widget": {
        "Schema": {
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": {"$ref": "meta"},
                "spec": {"$ref": "example.com/v1.Spec"},
            }
        }
    },
    "example.com/v1.Spec": {
        "Schema": {
            "properties": {
                "selector": {"x-kubernetes-label-selector": ""},
                "ref": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap"},
            }
        }
    },
}

ENVIRONMENTS = [
    "# comment\nE=1\nF=two words\n\nG=\n",
    "\ufeffE=1\n  F='quoted'\r\nG=a=b\nH=\"x\"\n",
]


def beside(folder: str, environment: str) -> Files:
    """The files that a kustomization in `folder` may name."""
    return {
        f"{folder}/configuration-0.yaml": dump([CONFIGURATIONS[0]]),
        f"{folder}/configuration-1.yaml": dump([CONFIGURATIONS[1]]),
        f"{folder}/crd.yaml": dump([_CRD]),
        f"{folder}/file.txt": "some text\nmore\n",
        f"{folder}/bytes.bin": "binary",
        f"{folder}/some.env": environment,
        f"{folder}/transformers.yaml": "---\n".join(TRANSFORMERS[:2]),
    }
