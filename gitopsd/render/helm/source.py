"""`source.helm` of an Application: what Argo CD hands to `helm template`, in the same order of precedence.

Chart's own values < `valueFiles` < `valuesObject` or `values` < `parameters` and `fileParameters`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.formats.yamlwrite import dump
from gitopsd.model.errors import LimitError, Place, RenderError
from gitopsd.render.helm.chart import ChartFiles
from gitopsd.render.kustomize.documents import objects_in
from gitopsd.render.needs import InflateChart, Needs, RemoteFile

if TYPE_CHECKING:
    from gitopsd.model.app import HelmOptions, HelmParameter
    from gitopsd.model.refs import Object
    from gitopsd.model.tree import Tree
    from gitopsd.render.given import Given
    from gitopsd.render.kustomize.settings import BuildSettings
    from gitopsd.render.needs import Answer, Need

FIELD = "spec.source.helm"
NOT_ENABLED = "Helm is not enabled: set helm.enabled in the configuration, or give --enable-helm"
_RELEASE = "release-name"
"""What `helm template` calls a release without a name."""
_VERSIONS = ("", "v3")
_COMMA = re.compile(r"(?<!\\),")
_URL = ("https://", "http://")


@dataclass(slots=True)
class _Asking:
    """Answers so far, and what is still wanted."""

    given: Given
    wanted: dict[Need, None] = field(default_factory=dict)

    def __call__(self, need: Need) -> Answer | None:
        if need not in self.given.answers:
            self.wanted[need] = None
        return self.given.answers.get(need)

    def check(self) -> None:
        """Raises Needs where something is wanted."""
        if self.wanted:
            raise Needs(tuple(self.wanted))


def render_chart(tree: Tree, path: str, options: HelmOptions, settings: BuildSettings, given: Given) -> list[Object]:
    """The objects of the chart in the folder `path`. Raises Needs for what is not answered yet, RenderError otherwise."""
    if not settings.enable_helm:
        raise RenderError(NOT_ENABLED, Place(path or ".", field=FIELD))
    if options.version not in _VERSIONS:
        raise RenderError(f"{options.version!r} is no version of Helm that is supported", Place("", field=f"{FIELD}.version"))
    asking = _Asking(given)
    chart = ChartFiles(settings.limits, asking)
    chart.add(tree, path)
    values = tuple(_values(tree, path, options, asking))
    attached = tuple(
        (parameter.name, _attachment(tree, path, given.expanded(parameter.path))) for parameter in options.file_parameters
    )
    asking.check()
    need = InflateChart(
        name=given.variables.get("ARGOCD_APP_NAME") or path.rpartition("/")[2],
        release=options.release_name or given.variables.get("ARGOCD_APP_NAME") or _RELEASE,
        namespace=options.namespace or given.variables.get("ARGOCD_APP_NAMESPACE") or "default",
        files=tuple(sorted(chart.files.items())),
        values=values,
        settings=tuple(_setting(parameter, given) for parameter in options.parameters),
        attached=attached,
        flags=tuple(_flags(options, _capabilities(options, given) if chart.asks_for_capabilities else {})),
    )
    answer = asking(need)
    asking.check()
    return _objects(answer, need, path, settings)


def _objects(answer: Answer | None, need: InflateChart, path: str, settings: BuildSettings) -> list[Object]:
    try:
        objects = objects_in(load_documents(answer, str(need), Dialect.KUBECTL))  # type: ignore[arg-type] # bytes answer a chart
    except RenderError as error:
        raise RenderError(f"its templates give no manifests: {error.message}", error.place or Place(path or ".")) from error
    if len(objects) > settings.limits.objects:
        raise LimitError(f"makes more than {settings.limits.objects} objects", Place(path or "."))
    return objects


def _values(tree: Tree, path: str, options: HelmOptions, asking: _Asking) -> Iterator[bytes]:
    for index, written in enumerate(options.value_files):
        data = _value_file(tree, path, written, asking, Place(path or ".", field=f"{FIELD}.valueFiles[{index}]"))
        if data is None and not asking.wanted and not options.ignore_missing_value_files:
            raise RenderError(f"{written} does not exist", Place(path or ".", field=f"{FIELD}.valueFiles[{index}]"))
        if data is not None:
            yield data
    if options.values_object is not None:
        yield dump([options.values_object]).encode()
    elif options.values:
        yield options.values.encode()


def _value_file(tree: Tree, path: str, written: str, asking: _Asking, place: Place) -> bytes | None:
    """A file of the chart's tree (from its root with a leading slash), of the source `$ref/...`, or behind a URL."""
    ref, slash, rest = written.removeprefix("$").partition("/")
    if written.startswith("$") and slash and ref in asking.given.refs:
        return _file(asking.given.refs[ref], "", rest, place)
    name = asking.given.expanded(written)
    if name.startswith("$"):
        known = ", ".join(f"${ref}" for ref in asking.given.refs) or "none"
        raise RenderError(f"{written}: no source has the ref {ref!r}; there are {known}", place)
    if name.startswith(_URL):
        answer = asking(RemoteFile(name))
        return answer if isinstance(answer, bytes) else None
    return _file(tree, path, name, place)


def _attachment(tree: Tree, path: str, name: str) -> bytes:
    place = Place(path or ".", field=f"{FIELD}.fileParameters")
    data = _file(tree, path, name, place)
    if data is None:
        raise RenderError(f"{name} does not exist", place)
    return data


def _file(tree: Tree, folder: str, name: str, place: Place) -> bytes | None:
    """A file by its path from `folder`, or from the root of the tree with a leading slash; None where there is none."""
    full = posixpath.normpath(name.lstrip("/") if name.startswith("/") else posixpath.join(folder, name))
    if full == ".." or full.startswith("../"):
        raise RenderError(f"{name} leads out of the repository", place)
    entry = tree.entry(full)
    return tree.read(full) if entry is not None and entry.kind == "file" else None


def _setting(parameter: HelmParameter, given: Given) -> str:
    """`--set`, in which a comma is part of the value unless the value is a list in braces."""
    value = given.expanded(parameter.value)
    if not (value.startswith("{") and value.endswith("}")):
        value = _COMMA.sub(r"\\,", value)
    return f"--set{'-string' if parameter.force_string else ''}={parameter.name}={value}"


def _capabilities(options: HelmOptions, given: Given) -> Mapping[str, str]:
    """The versions that templates see: what the options say, else the cluster's."""
    return {
        "kube-version": options.kube_version or given.variables.get("KUBE_VERSION", ""),
        "api-versions": ",".join(options.api_versions) or given.variables.get("KUBE_API_VERSIONS", ""),
    }


def _flags(options: HelmOptions, capabilities: Mapping[str, str]) -> Iterator[str]:
    yield from (f"--{name}={value}" for name, value in capabilities.items() if value)
    if not options.skip_crds:
        yield "--include-crds"
    if options.skip_tests:
        yield "--skip-tests"
    if options.skip_schema_validation:
        yield "--skip-schema-validation"
