"""Files in, documents out: how the tests of the engine build a repository that is a dict."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from gitopsd.model.errors import RenderError
from gitopsd.model.tree import DictTree
from gitopsd.render.kustomize.build import build
from gitopsd.render.kustomize.settings import BuildSettings, Reorder

AS_ACCUMULATED = BuildSettings(reorder=Reorder.NONE)


def built(files: dict[str, str], path: str = "", settings: BuildSettings = AS_ACCUMULATED) -> list[Any]:
    """The objects of a folder, in the order in which they were accumulated."""
    return build(DictTree(files), path, settings)


def documents(text: str) -> list[Any]:
    """What an expectation says, in YAML."""
    return list(yaml.safe_load_all(text))


def refusal(files: dict[str, str], path: str = "", settings: BuildSettings = AS_ACCUMULATED) -> str:
    """The error that a build ends with."""
    with pytest.raises(RenderError) as raised:
        built(files, path, settings)
    return str(raised.value)


def config_map(name: str, namespace: str = "", **data: str) -> str:
    """A ConfigMap in YAML."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **({"data": data} if data else {})})


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - {name: app, image: "nginx:1.7", envFrom: [{configMapRef: {name: conf}}]}
"""
