"""`helmCharts` of a kustomization: which chart, and what kustomize hands to `helm template`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.formats.yamlwrite import dump
from gitopsd.model.errors import RenderError
from gitopsd.render.helm.chart import ChartFiles
from gitopsd.render.helm.source import NOT_ENABLED
from gitopsd.render.kustomize.documents import objects_in
from gitopsd.render.needs import InflateChart, RemoteChart

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.model.tree import Tree
    from gitopsd.render.kustomize.api import HelmChart, HelmGlobals
    from gitopsd.render.kustomize.loading import Root
    from gitopsd.render.kustomize.settings import Edits

_HOME = "charts"
_RELEASE = "release-name"
"""What `helm template` makes of kustomize's request to make up a name."""
_MERGES = ("", "override", "merge", "replace")


def inflate(chart: HelmChart, globals_: HelmGlobals | None, root: Root) -> tuple[Object, ...]:
    """The objects of a chart, none while something is still needed. Raises RenderError where Helm is not enabled."""
    if not root.session.settings.enable_helm:
        raise RenderError(f"helm chart {chart.name!r} can't be inflated. {NOT_ENABLED}")
    if chart.values_merge not in _MERGES:
        raise RenderError(f"valuesMerge must be one of 'override', 'merge' and 'replace', not {chart.values_merge!r}")
    found = _chart(chart, (globals_ and globals_.chart_home) or _HOME, root)
    if found is None:
        return ()
    files = ChartFiles(root.session.settings.limits, root.session.ask)
    files.add(*found)
    need = InflateChart(
        name=chart.name,
        release="" if chart.name_template else chart.release_name or _RELEASE,
        namespace=chart.namespace or "default",
        files=tuple(sorted(files.files.items())),
        values=tuple(_values(chart, files.files, root)),
        flags=(*_flags(chart), *(_capabilities(chart, root.session.edits) if files.asks_for_capabilities else ())),
    )
    if root.session.wanted:
        return ()  # a dependency, perhaps: the chart would be inflated in vain
    answer = root.session.ask(need)
    if answer is None:
        return ()
    return tuple(objects_in(load_documents(answer, str(need), Dialect.RESOURCE)))  # type: ignore[arg-type] # bytes answer a chart


def _chart(chart: HelmChart, home: str, root: Root) -> tuple[Tree, str] | None:
    """Where the chart is: in its home, else in its repository; None while that is still asked for."""
    if not chart.name:
        raise RenderError("a chart must have a name")
    folder = f"{home}/{chart.name}-{chart.version}" if chart.version and chart.repo else home
    path = root.resolve(f"{folder}/{chart.name}")
    entry = root.tree.entry(path)
    if entry is not None and entry.kind == "dir":
        return root.tree, path
    if not chart.repo:
        raise RenderError(f"no repo specified for pull, no chart found at '{path}'")
    version = chart.version or (">0.0.0-0" if chart.devel else "")
    answer = root.session.ask(RemoteChart(chart.repo, chart.name, version))
    return None if answer is None else (answer, "")  # type: ignore[return-value] # a Tree answers a RemoteChart


def _values(chart: HelmChart, files: dict[str, bytes], root: Root) -> Iterator[bytes]:
    """In ascending precedence. `merge` lets the file (or the chart's own) win over `valuesInline`; `replace` reads none."""
    file = root.read(chart.values_file).data if chart.values_file else files.get("values.yaml")
    inline = chart.values_inline
    if not inline:
        yield file or b""
    elif chart.values_merge == "replace":
        yield dump([inline]).encode()
    else:
        # kustomize reads the file as its own YAML, and writes it anew: the key `n` is no boolean to the program then.
        told = load_documents(file or b"", chart.values_file or "values.yaml", Dialect.RESOURCE)
        own = told[0] if told else {}
        yield dump([merged(inline, own) if chart.values_merge == "merge" else merged(own, inline)]).encode()
    for path in chart.additional_values_files:
        yield root.read(path).data


def merged(under: Any, over: Any) -> Any:
    """Values over others, as kustomize merges them: mappings key by key, where null removes; anything else is replaced."""
    if not isinstance(over, dict):
        return over
    known = under if isinstance(under, dict) else {}
    kept = {key: value for key, value in known.items() if key not in over}
    return {**kept, **{key: merged(known.get(key), value) for key, value in over.items() if value is not None}}


def _flags(chart: HelmChart) -> Iterator[str]:
    if chart.name_template:
        yield f"--name-template={chart.name_template}"
    flags = {"include-crds": chart.include_crds, "skip-tests": chart.skip_tests, "no-hooks": chart.skip_hooks}
    yield from (f"--{name}" for name, wanted in flags.items() if wanted)


def _capabilities(chart: HelmChart, edits: Edits) -> Iterator[str]:
    """The versions that templates see: what the chart's entry says, else the Application's options, else the cluster's."""
    options, variables = edits.options, edits.variables
    kube_version = chart.kube_version or (options and options.kube_version) or variables.get("KUBE_VERSION")
    api_versions = chart.api_versions or (options and options.api_versions) or (variables.get("KUBE_API_VERSIONS"),)
    if kube_version:
        yield f"--kube-version={kube_version}"
    yield from (f"--api-versions={version}" for version in api_versions if version)
