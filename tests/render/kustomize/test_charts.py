"""`helmCharts`, beside the real kustomize: both run the same helm over the same folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from gitopsd.helm import Helm, with_charts
from gitopsd.render.kustomize.build import build
from gitopsd.render.kustomize.settings import BuildSettings
from gitopsd.source.folder import FolderTree
from tests.charts import CHART, below, helm
from tests.rendering import KUBECTL

pytestmark = pytest.mark.neighbour

VALUES = "color: red\nsize: 1\nnested: {a: 1, b: null}\nlist: [1, 2]\n"
CHARTS = [
    "- {name: web}",
    "- {name: web, releaseName: a, namespace: zz, includeCRDs: true, skipTests: true}",
    "- {name: web, skipHooks: true, valuesInline: {color: blue, nested: {b: 2}, list: [3]}}",
    "- {name: web, valuesMerge: merge, valuesInline: {color: blue, more: 1, nested: {c: 3}}}",
    "- {name: web, valuesMerge: replace, valuesInline: {color: 'no'}}",
    "- {name: web, valuesFile: own.yaml, additionalValuesFiles: [more.yaml]}",
    "- {name: web, valuesFile: own.yaml, valuesInline: {color: inline, deep: {x: null}}}",
    "- {name: web, kubeVersion: 1.29.0, apiVersions: [foo/v1, bar/v1]}",
    "- {name: web, nameTemplate: fixed-name}",
    "- {name: web, releaseName: a}\n- {name: web, releaseName: b, skipHooks: true, skipTests: true}",
]


@pytest.fixture(scope="module")
def program() -> Helm:
    """The real helm."""
    return helm()


@pytest.mark.parametrize("charts", CHARTS)
def test_as_kustomize_does(program: Helm, tmp_path: Path, charts: str) -> None:
    """The same objects in the same order."""
    files = {
        **below("charts/web", {**CHART, "values.yaml": VALUES}),
        "kustomization.yaml": f"namePrefix: p-\nnamespace: mine\nhelmCharts:\n{charts}\n",
        "own.yaml": "color: own\ndeep: {x: 1, z: 2}\n",
        "more.yaml": "color: more\n",
    }
    for name, data in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(data))
    command = [str(KUBECTL), "kustomize", "--enable-helm", "--helm-command", program.program, str(tmp_path)]
    wanted = list(yaml.safe_load_all(subprocess.run(command, capture_output=True, check=True, text=True).stdout))
    settings = BuildSettings(enable_helm=True)
    found = with_charts(lambda answers: build(FolderTree(tmp_path), "", settings, answers), {}, program)
    assert found == wanted
