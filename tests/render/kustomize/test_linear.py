"""No step of a build is quadratic: twice the objects are twice the work, counted in the interpreter's own steps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from gitopsd.formats.yamlwrite import dump
from gitopsd.model.tree import DictTree
from gitopsd.render.cache import ParseCache
from gitopsd.render.kustomize.build import build
from gitopsd.render.kustomize.settings import BuildSettings

WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}, labels: {{app: app-{n}}}}}
spec:
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}}}}}
    spec:
      serviceAccountName: account-{n}
      containers:
      - {{name: app, image: "app:1", envFrom: [{{configMapRef: {{name: config-{n}}}}}]}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: account-{n}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: config-{n}}}
data: {{n: "{n}"}}
"""

TOP = """\
namePrefix: p-
nameSuffix: -s
namespace: shop
commonLabels: {team: a}
labels: [{pairs: {tier: b}, includeTemplates: true}]
commonAnnotations: {note: c}
images: [{name: app, newTag: "2"}]
resources: [../base]
components: [../component]
"""

EACH = {
    "transformers": "",
    "patches by name": (
        "patches:\n- patch: '{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: app-{n}}}, spec: {{replicas: 2}}}}'\n"
    ),
    "operations by name": (
        "patches:\n- target: {{name: app-{n}, kind: Deployment}}\n  patch: "
        """'[{{"op": "add", "path": "/spec/replicas", "value": 2}}]'\n"""
    ),
    "replacements": (
        "replacements:\n- source: {{kind: ConfigMap, name: config-{n}, fieldPath: data.n}}\n  targets:\n"
        "  - {{select: {{kind: Deployment, name: app-{n}}}, fieldPaths: [metadata.annotations.n], options: {{create: true}}}}\n"
    ),
    "replicas": "replicas:\n- {{name: app-{n}, count: 3}}\n",
    "generators": "configMapGenerator:\n- {{name: made-{n}, literals: [a=b]}}\n",
    "merged generators": "configMapGenerator:\n- {{name: config-{n}, behavior: merge, literals: [a=b]}}\n",
}
"""What an overlay says for each of its objects."""


def repository(count: int, each: str) -> DictTree:
    """Groups of three objects that refer to each other, through a base, a component and an overlay."""
    head, _, line = each.partition("\n")
    lines = "".join(line.format(n=n) for n in range(count))
    return DictTree(
        {
            "base/all.yaml": "---\n".join(WORKLOAD.format(n=n) for n in range(count)),
            "base/kustomization.yaml": "resources: [all.yaml]\n",
            "component/kustomization.yaml": "kind: Component\nlabels: [{pairs: {part: one}}]\n",
            "top/kustomization.yaml": TOP + (f"{head}\n{lines}" if each else ""),
        }
    )


def steps(work: Callable[[], object]) -> int:
    """How many instructions of Python some work takes."""
    taken = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal taken
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        taken += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return taken


@pytest.mark.parametrize("each", EACH)
def test_twice_the_objects_twice_the_work(each: str) -> None:
    """What the second and third portion of objects add is what the first one added, reading and writing included."""

    def work(count: int) -> int:
        tree = repository(count, EACH[each])
        return steps(lambda: dump(build(tree, "top", BuildSettings(cache=ParseCache()))))

    work(1)  # tables that are read once
    small, middle, large = work(5), work(10), work(20)
    assert large - middle == pytest.approx(2 * (middle - small), rel=0.03)
