"""One build, layer by layer: read `build_layer` first.

A layer takes its resources (files, and whole layers), adds what its generators make, lets its components work on all of it,
then transforms and validates. Hashes, references and vars come once, at the very end, when all names are final.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize import vars as variables
from gitopsd.render.kustomize.config import TransformerConfig, default_config, read_config
from gitopsd.render.kustomize.crds import config_from_crds
from gitopsd.render.kustomize.documents import objects_in
from gitopsd.render.kustomize.errors import FieldError, retold
from gitopsd.render.kustomize.generators.base import absorb
from gitopsd.render.kustomize.kustomization import Layer, fields_of, load_layer
from gitopsd.render.kustomize.openapi import choose_schema
from gitopsd.render.kustomize.patchfiles import inline_objects, is_inline
from gitopsd.render.kustomize.remote import is_remote, parse_remote
from gitopsd.render.kustomize.resource import INTERNAL, Resource, ResourceSet, metadata_of, with_metadata
from gitopsd.render.kustomize.steps import Configuration, GeneratorStep, TransformerStep, generator_steps, transformer_steps
from gitopsd.render.needs import RemoteFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gitopsd.model.errors import Place
    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.ids import Id
    from gitopsd.render.kustomize.loading import Root
    from gitopsd.render.kustomize.origin import Origin
    from gitopsd.render.kustomize.vars import Declared

VALIDATED_BY = "validated-by"


class Accumulated:
    """What a layer hands to the one above: resources, where transformers edit, and vars."""

    def __init__(self, resources: ResourceSet) -> None:
        """Starts with resources alone."""
        self.resources = resources
        self.config = TransformerConfig()
        self.vars: dict[str, Declared] = {}
        self.twins: dict[Id, Place] = {}
        """Ids that a transformer has given to a second object, and where that was asked for: an error if they stay."""

    def absorb(self, other: Accumulated) -> None:
        """Adds all of another layer. Raises RenderError where an object or a var is there already."""
        self.resources.extend(other.resources)
        self.merge_config(other.config)
        variables.merge(self.vars, other.vars)
        self.twins |= other.twins

    def merge_config(self, other: TransformerConfig) -> None:
        """Adds field specs."""
        self.config = self.config.merge(other)


def build_layer(layer: Layer, into: Accumulated | None = None) -> Accumulated:
    """Everything that a layer says. A component works `into` what its parent has so far; any other starts empty."""
    accumulated = into or Accumulated(ResourceSet(layer.root.session.cluster_scoped))
    add_resources(layer, "resources", layer.spec.resources, accumulated)
    add_config(layer, accumulated)
    for generator in generator_steps(layer):
        generate(generator, layer, accumulated)
    for generator in generators(layer):
        generate(generator, layer, accumulated)
    for index, path in enumerate(layer.spec.components):
        with_component(layer, f"components[{index}]", path, accumulated)
    for transformer in transformer_steps(layer, accumulated.config):
        transform(transformer, layer, accumulated)
    for transformer in transformers(layer, "transformers", layer.spec.transformers):
        transform(transformer, layer, accumulated)
    for validator in transformers(layer, "validators", layer.spec.validators):
        validate(validator, layer, accumulated)
    with located(layer, "vars"):
        variables.declare(accumulated.vars, accumulated.resources, layer.spec.vars, layer.place)
    return accumulated


class located:  # noqa: N801 - a context manager reads as a verb
    """Gives errors from within the place of a field of a layer's file, unless they have a place."""

    def __init__(self, layer: Layer, field_path: str) -> None:
        """`field_path` is such as `resources[1]`."""
        self.layer = layer
        self.field_path = field_path

    def __enter__(self) -> None:
        """Nothing to set up."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raises the same error with the place."""
        if isinstance(error, RenderError) and error.place is None:
            field = error.field if isinstance(error, FieldError) else self.field_path
            raise retold(error, error.message, self.layer.place(field)) from error


def add_resources(layer: Layer, name: str, paths: Iterable[str], accumulated: Accumulated) -> None:
    """Adds each entry of `resources`: a file of objects, or a folder or repository with a kustomization of its own."""
    for index, path in enumerate(paths):
        with located(layer, f"{name}[{index}]"):
            add_resource(layer, path, accumulated)


def add_resource(layer: Layer, path: str, accumulated: Accumulated) -> None:
    """Adds one entry. Raises RenderError if there is no such file or folder."""
    root = layer.root
    if not path:
        raise RenderError("a resource must not be empty")
    entry = None if path.startswith("/") or is_remote(path) else root.tree.entry(root.resolve(path))
    if entry is not None and entry.kind == "file":
        add_objects(layer, path, root.objects(root.read(path)), accumulated)
    elif entry is None and is_remote(path):
        add_remote(layer, path, accumulated)
    else:
        add_layer(child_layer(layer, root.folder(path), path), path, accumulated)


def add_objects(layer: Layer, path: str, objects: Iterable[Object], accumulated: Accumulated) -> None:
    """Adds the objects of one file."""
    for index, obj in enumerate(objects):
        resource = enter(layer, obj, accumulated.resources)
        if layer.trace is not None:
            layer.trace.entered(resource, layer, path, index)
        if layer.origin is not None:
            resource.origin = layer.origin.join(path)
        accumulated.resources.append(resource)


def enter(layer: Layer, obj: Object, resources: ResourceSet) -> Resource:
    """The record of an object that enters the build, with what kustomize's own annotations say about it."""
    layer.root.session.count("objects", 1)
    resource = resources.make(obj)
    annotations = metadata_of(obj).get("annotations")
    if isinstance(annotations, dict):
        resource.needs_hash = annotations.get(f"{INTERNAL}needsHashSuffix") == "enabled"
        resource.from_helm = f"{INTERNAL}helm-generated" in annotations
    return resource


def add_remote(layer: Layer, path: str, accumulated: Accumulated) -> None:
    """Adds what a URL names; nothing while it is still needed."""
    need = parse_remote(path)
    if isinstance(need, RemoteFile):
        answer = layer.root.session.ask(need)
        if isinstance(answer, bytes):
            add_objects(layer, path, objects_in(load_documents(answer, path, Dialect.RESOURCE)), accumulated)
        return
    root = layer.root.remote(path)
    if root is not None:
        origin = layer.origin and layer.origin.remote(need.repository, need.ref, need.path)
        add_layer(open_layer(root, origin), path, accumulated)


def child_layer(layer: Layer, root: Root, path: str) -> Layer:
    """The layer in a folder below or beside another one."""
    return open_layer(root, layer.origin and layer.origin.join(path))


def open_layer(root: Root, origin: Origin | None) -> Layer:
    """Reads a layer and takes the schema it chooses."""
    layer = load_layer(root, origin)
    choose_schema(layer)
    return layer


def add_layer(child: Layer, path: str, accumulated: Accumulated) -> None:
    """Builds a layer by itself and adds all of it."""
    if child.spec.kind == "Component":
        raise RenderError(f"expected kind != 'Component' for path '{path}'")
    accumulated.absorb(build_layer(child))


def with_component(layer: Layer, field_path: str, path: str, accumulated: Accumulated) -> None:
    """Lets a component work on what the layer has so far. Raises RenderError if the path is no component."""
    with located(layer, field_path):
        if is_remote(path):
            root = layer.root.remote(path)
            if root is None:
                return
        else:
            root = layer.root.folder(path)
        component = child_layer(layer, root, path)
        if component.spec.kind != "Component":
            raise RenderError(f"expected kind 'Component' for path '{path}' but got '{component.spec.kind}'")
        build_layer(component, accumulated)
        accumulated.resources.refuse_twins()
        accumulated.config = TransformerConfig().merge(accumulated.config)  # once more, as kustomize does: it matters for specs


def add_config(layer: Layer, accumulated: Accumulated) -> None:
    """Merges kustomize's field specs and those of `configurations` and `crds` into what the bases brought."""
    config = default_config()
    for index, path in enumerate(layer.spec.configurations):
        with located(layer, f"configurations[{index}]"):
            file = layer.root.read(path)
            for document in layer.root.documents(file, Dialect.KUSTOMIZATION)[:1]:
                with fields_of(file, layer.root):
                    config = config.merge(read_config(document))
    accumulated.merge_config(config)
    for index, path in enumerate(layer.spec.crds):
        with located(layer, f"crds[{index}]"):
            documents = layer.root.documents(layer.root.read(path), Dialect.KUSTOMIZATION)[:1]
            accumulated.merge_config(config_from_crds(documents))


def configuration(layer: Layer, name: str, entries: tuple[str, ...]) -> list[Configuration]:
    """The configuration objects that `generators`, `transformers` or `validators` name: inline, in files, or built."""
    accumulated = Accumulated(ResourceSet(layer.root.session.cluster_scoped))
    fields: list[str] = []
    file = layer.file.path.rpartition("/")[2]
    for index, entry in enumerate(entries):
        if is_inline(entry):
            with located(layer, f"{name}[{index}]"):
                add_objects(layer, file, inline_objects(entry), accumulated)
            fields += [f"{name}[{index}]"] * (len(accumulated.resources) - len(fields))
    for index, entry in enumerate(entries):
        if entry and not is_inline(entry):
            with located(layer, f"{name}[{index}]"):
                add_resource(layer, entry, accumulated)
            fields += [f"{name}[{index}]"] * (len(accumulated.resources) - len(fields))
    return [Configuration(*pair) for pair in zip(accumulated.resources, fields, strict=True)]


def generators(layer: Layer) -> Iterator[GeneratorStep]:
    """Those that `generators` names. Few kustomizations name any, so the code of plugins is loaded where one does."""
    if layer.spec.generators:
        from gitopsd.render.kustomize.plugins import configured_generators  # noqa: PLC0415

        yield from configured_generators(layer, configuration(layer, "generators", layer.spec.generators))


def transformers(layer: Layer, name: str, entries: tuple[str, ...]) -> Iterator[TransformerStep]:
    """Those that `transformers` or `validators` names, likewise."""
    if entries:
        from gitopsd.render.kustomize.plugins import configured_transformers  # noqa: PLC0415

        yield from configured_transformers(layer, configuration(layer, name, entries))


def generate(step: GeneratorStep, layer: Layer, accumulated: Accumulated) -> None:
    """Runs a generator and absorbs what it made."""
    with located(layer, step.field):
        made = step.make()
        for obj in made.objects:
            resource = enter(layer, obj, accumulated.resources)
            resource.behavior, resource.needs_hash, resource.from_helm = made.behavior, made.needs_hash, made.from_helm
            resource.origin = origin_of(step, layer)
            absorb(accumulated.resources, resource)
    if layer.trace is not None:
        layer.trace.generated(step, layer, accumulated.resources)


def transform(step: TransformerStep, layer: Layer, accumulated: Accumulated) -> None:
    """Runs a transformer. Every change of an object by a layer happens in here, where provenance listens."""
    with located(layer, step.field):
        if layer.trace is not None:
            layer.trace.transform(step, layer, accumulated.resources)
        else:
            step.make()(accumulated.resources)
    for twin in accumulated.resources.twins():
        accumulated.twins.setdefault(twin, layer.place(step.field))
    if (origin := origin_of(step, layer)) is not None:
        for resource in accumulated.resources:
            if resource.origin is None:
                resource.origin = origin
            else:
                resource.transformations.append(origin)


def validate(step: TransformerStep, layer: Layer, accumulated: Accumulated) -> None:
    """Runs a transformer that may change nothing (but set the label that says it ran). Raises RenderError if it does.

    As in kustomize, an object written anew is a changed one even where it says the same.
    """
    before = {resource: (resource.object, resource.past) for resource in accumulated.resources}
    with located(layer, step.field):
        step.make()(accumulated.resources)
        left = set(accumulated.resources)
        for resource, (obj, past) in before.items():
            if resource not in left or resource.past != past or _rewritten(resource.object, obj):
                raise RenderError(f"validator shouldn't modify the resource map: {step.by.kind} changed {resource.id}")


def _rewritten(now: Object, before: Object) -> bool:
    unmarked = _without_mark(now)
    return unmarked is not before and (unmarked is now or unmarked != _without_mark(before))


def _without_mark(obj: Object) -> Object:
    """The object without the label of its validator."""
    labels = metadata_of(obj).get("labels")
    if not isinstance(labels, dict) or VALIDATED_BY not in labels:
        return obj
    return with_metadata(obj, labels={name: value for name, value in labels.items() if name != VALIDATED_BY} or None)


def origin_of(step: GeneratorStep | TransformerStep, layer: Layer) -> Origin | None:
    """What `buildMetadata` says about a step, None where nobody asked."""
    if layer.origin is None:
        return None
    if step.file:
        return layer.origin._replace(path="", configured_in=step.file, configured_by=step.by)
    return layer.origin.configured(layer.file.path.rpartition("/")[2], step.by)
