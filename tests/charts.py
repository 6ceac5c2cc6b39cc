"""A small chart that shows what it was given, and the real helm."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

from gitopsd.helm import Helm
from localcluster import neighbour

CHART: Mapping[str, str | bytes] = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.2.3\n",
    "values.yaml": "color: red\nsize: 1\n",
    "crds/thing.yaml": (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.org}\n"
    ),
    "templates/shown.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}\n"
        "data: {{ .Values | toJson }}\n"
    ),
    "templates/tests/test.yaml": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: test, annotations: {helm.sh/hook: test}}\nspec: {containers: []}\n"
    ),
    "templates/hook.yaml": (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate, annotations: {helm.sh/hook: pre-install}}\nspec: {}\n"
    ),
}


def helm() -> Helm:
    """The program, built where it is not there yet."""
    return Helm(str(neighbour("helm")))


def below(folder: str, files: Mapping[str, str | bytes] = CHART) -> dict[str, str | bytes]:
    """Files as they stand in a folder of a repository."""
    return {f"{folder}/{name}": data for name, data in files.items()}


def packed(files: Mapping[str, str | bytes] = CHART, name: str = "web") -> bytes:
    """A chart as repositories have it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, data in files.items():
            content = data.encode() if isinstance(data, str) else data
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()
