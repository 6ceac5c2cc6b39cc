"""The kustomization file of a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import locate
from gitopsd.model.errors import Place, RenderError
from gitopsd.render.kustomize.api import HelmChart, Kustomization
from gitopsd.render.kustomize.decode import Reading, decode
from gitopsd.render.kustomize.errors import FieldError, retold
from gitopsd.render.kustomize.loading import FILE_NAMES

if TYPE_CHECKING:
    from gitopsd.render.kustomize.loading import File, Root
    from gitopsd.render.kustomize.origin import Origin
    from gitopsd.render.provenance.trace import Trace

_VERSIONS = {"Kustomization": "kustomize.config.k8s.io/v1beta1", "Component": "kustomize.config.k8s.io/v1alpha1"}
_ATTRIBUTES = {
    "patches": "patches", "components": "components", "namespace": "namespace", "namePrefix": "name_prefix",
    "nameSuffix": "name_suffix", "commonLabels": "common_labels", "commonAnnotations": "common_annotations",
}  # fmt: skip
"""The fields that options change, by their names in files (images and replicas are sorted, so their places are lost)."""

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_OLD_CHART_FIELDS = {
    "chartName": "name", "chartVersion": "version", "chartRepoUrl": "repo", "releaseName": "releaseName",
    "releaseNamespace": "namespace", "values": "valuesFile", "valuesLocal": "valuesInline", "valuesMerge": "valuesMerge",
    "extraArgs": "",
}  # fmt: skip


class Layer(NamedTuple):
    """One kustomization of a build: its folder, its file and what the file says."""

    root: Root
    file: File
    spec: Kustomization
    origin: Origin | None = None
    written: Kustomization | None = None
    """What the file says where an Application's options changed that."""

    @property
    def name(self) -> str:
        """The file's path as errors name it."""
        return self.root.prefix + self.file.path

    @property
    def trace(self) -> Trace | None:
        """Who listens to the build."""
        return self.root.session.settings.trace

    def place(self, field: str) -> Place:
        """Where in the file a field such as `resources[1]` stands."""
        if self.written is not None and (name := _from_options(self.written, self.spec, field)):
            return Place(self.name, field=f"spec.source.kustomize.{name}")
        return place_of(self.file, self.name, field)

    def with_origin(self, origin: Origin) -> Layer:
        """The same layer, its objects tracked."""
        return self._replace(origin=origin)


def _from_options(written: Kustomization, edited: Kustomization, field: str) -> str | None:
    """The option that a field comes from, with its own index; None if the file says it."""
    name, bracket, index = field.partition("[")
    attribute = _ATTRIBUTES.get(name)
    if attribute is None:
        return None
    ours, all_of = getattr(written, attribute), getattr(edited, attribute)
    if not bracket:
        return name if ours != all_of else None
    position = int(index.partition("]")[0]) - len(ours)
    return f"{name}[{position}]" if position >= 0 else None


def place_of(file: File, name: str, field: str) -> Place:
    """The place of a field of a kustomization file; without a line where the file can't be read."""
    steps: list[str | int] = [int(index) if index else key for index, key in _STEP.findall(field)]
    try:
        line, column = locate(file.data, Dialect.KUSTOMIZATION, steps)
    except RenderError:
        return Place(name, field=field or None)
    return Place(name, line, column, field or None)


@contextmanager
def fields_of(file: File, root: Root) -> Iterator[None]:
    """Gives errors about a field of `file` their place in it."""
    try:
        yield
    except FieldError as error:
        raise retold(error, error.message, place_of(file, root.prefix + file.path, error.field)) from error


def load_layer(root: Root, origin: Origin | None) -> Layer:
    """Reads the kustomization of a folder. Raises RenderError if there is none, more than one, or it is wrong."""
    found = [name for name in FILE_NAMES if (entry := root.tree.entry(_in(root, name))) is not None and entry.kind == "file"]
    where = f"'{root.prefix}{root.path or '/'}'"
    if not found:
        message = f"unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory {where}"
        raise RenderError(message)
    if len(found) > 1:
        raise RenderError(f"Found multiple kustomization files under {where}: {', '.join(found)}")
    file = root.read(found[0])
    return Layer(root, file, read_kustomization(file, root), origin)


def _in(root: Root, name: str) -> str:
    return f"{root.path}/{name}" if root.path else name


def read_kustomization(file: File, root: Root) -> Kustomization:
    """What a kustomization file says, with old names put under the new ones. Raises RenderError with the place."""
    name = root.prefix + file.path
    documents = root.documents(file, Dialect.KUSTOMIZATION)
    document = documents[0] if documents else None  # kustomize looks at no other
    if not document or not any(value is not None for key, value in _own_fields(document, name)):
        raise RenderError(f"{name.rpartition('/')[2]} is empty", Place(name))
    with fields_of(file, root):
        try:
            spec = _decoded(document)
        except FieldError as error:
            raise FieldError(f"invalid Kustomization: {error.message}", error.field) from error
    _check_type(spec, file, name)
    return modernise(spec)


def _decoded(document: Any) -> Kustomization:
    spec = decode(Kustomization, document, Reading.STRICT)
    for index, args in enumerate(spec.config_map_generator):
        if args.type:
            raise FieldError("unknown field 'type'", f"configMapGenerator[{index}].type")
    return spec


def _own_fields(document: Any, name: str) -> list[tuple[str, Any]]:
    if not isinstance(document, dict):
        raise RenderError("a kustomization file must hold a mapping", Place(name))
    return [(key, value) for key, value in document.items() if str(key).lower() not in {"apiversion", "kind"}]


def _check_type(spec: Kustomization, file: File, name: str) -> None:
    kind = spec.kind or "Kustomization"
    if kind not in _VERSIONS:
        raise RenderError("kind should be Kustomization or Component", place_of(file, name, "kind"))
    if spec.api_version not in {"", _VERSIONS[kind]}:
        raise RenderError(f"apiVersion for {kind} should be {_VERSIONS[kind]}", place_of(file, name, "apiVersion"))


def modernise(spec: Kustomization) -> Kustomization:
    """The same with `bases`, `imageTags` and `helmChartInflationGenerator` under their present names."""
    charts = tuple(_modern_chart(chart) for chart in spec.helm_chart_inflation_generator)
    return spec._replace(
        kind=spec.kind or "Kustomization",
        resources=spec.resources + spec.bases,
        bases=(),
        images=spec.images + spec.image_tags,
        image_tags=(),
        helm_charts=spec.helm_charts + charts,
        helm_chart_inflation_generator=(),
    )


def _modern_chart(old: dict[str, Any]) -> HelmChart:
    renamed = {new: old[key] for key, new in _OLD_CHART_FIELDS.items() if new and key in old}
    return decode(HelmChart, renamed, Reading.LOOSE)
