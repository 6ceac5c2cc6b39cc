"""`source.kustomize` of an Application: what Argo CD does to a kustomization file with `kustomize edit` before it builds.

The file is not touched; the edited kustomization is built in its stead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gitopsd.model.errors import Place, RenderError
from gitopsd.render.kustomize.api import Image, Kustomization, Label, PatchArgs, PatchOptions, Replica, Selector
from gitopsd.render.kustomize.decode import Reading, decode
from gitopsd.render.kustomize.remote import is_remote
from gitopsd.render.kustomize.transformers.images import split_image

if TYPE_CHECKING:
    from gitopsd.model.app import KustomizeOptions, KustomizePatch
    from gitopsd.render.kustomize.kustomization import Layer

FIELD = "spec.source.kustomize"
_KEEP = "*"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def edit_layer(layer: Layer, options: KustomizeOptions, variables: Mapping[str, str]) -> Layer:
    """The layer as the options want it. `variables` are for annotations (`ARGOCD_APP_NAME` and so on).

    Raises RenderError for an option that can't be read, or contradicts the file without `force`.
    """
    spec = layer.spec
    spec = spec._replace(
        name_prefix=options.name_prefix or spec.name_prefix,
        name_suffix=options.name_suffix or spec.name_suffix,
        namespace=options.namespace or spec.namespace,
        images=set_images(spec.images, options.images),
        replicas=set_replicas(spec.replicas, options),
        patches=spec.patches + tuple(_patch(patch) for patch in options.patches),
        components=spec.components + _components(layer, options),
        common_annotations=_merged(
            spec.common_annotations,
            _substituted(options, variables),
            "commonAnnotations",
            force=options.force_common_annotations,
        ),
    )
    return layer._replace(spec=_labelled(spec, options), written=layer.spec)


def set_images(own: tuple[Image, ...], arguments: tuple[str, ...]) -> tuple[Image, ...]:
    """`kustomize edit set image`: entries of the same name are replaced, `*` keeps a part, the result is in order of names."""
    if not arguments:
        return own
    images = {image.name: image for image in own}
    for argument in arguments:
        image = parse_image(argument)
        old = images.get(image.name, Image())
        parts = ("new_name", "new_tag", "digest")
        kept = {part: getattr(old, part) for part in parts if getattr(image, part) == _KEEP}
        images[image.name] = image._replace(**kept)
    return tuple(images[name] for name in sorted(images))


def parse_image(argument: str) -> Image:
    """`[old=]new[:tag][@digest]`. Raises RenderError for one that changes nothing."""
    old, equals, new = argument.rpartition("=")
    name, tag, digest = split_image(new)
    if not name or (not equals and not tag and not digest):
        raise RenderError(
            f"{argument!r} must be name:tag, name@digest or name=newName[:tag|@digest]", Place("", field=f"{FIELD}.images")
        )
    return Image(old, name, new_tag=tag, digest=digest) if equals else Image(name, new_tag=tag, digest=digest)


def set_replicas(own: tuple[Replica, ...], options: KustomizeOptions) -> tuple[Replica, ...]:
    """`kustomize edit set replicas`: counts of the same name are replaced."""
    counts = {replica.name: replica for replica in own}
    for replica in options.replicas:
        try:
            counts[replica.name] = Replica(replica.name, int(replica.count))
        except ValueError:
            place = Place("", field=f"{FIELD}.replicas")
            raise RenderError(f"{replica.name}: the count must be a whole number, not {replica.count!r}", place) from None
    return tuple(counts[name] for name in sorted(counts)) if options.replicas else own


def _patch(patch: KustomizePatch) -> PatchArgs:
    wanted = patch.target
    target = None
    if wanted is not None:
        target = Selector(
            group=wanted.group,
            version=wanted.version,
            kind=wanted.kind,
            name=wanted.name,
            namespace=wanted.namespace,
            label_selector=wanted.label_selector,
            annotation_selector=wanted.annotation_selector,
        )
    options = decode(PatchOptions, patch.options, Reading.STRICT, f"{FIELD}.patches.options")
    return PatchArgs(patch.path, patch.patch, target, options)


def _components(layer: Layer, options: KustomizeOptions) -> tuple[str, ...]:
    """The components to add: those that the file lacks, and that exist where missing ones are to be ignored."""
    new = (path for path in options.components if path not in layer.spec.components)
    if not options.ignore_missing_components:
        return tuple(new)
    tree, resolve = layer.root.tree, layer.root.resolve
    return tuple(path for path in new if is_remote(path) or tree.entry(resolve(path)) is not None)


def _labelled(spec: Kustomization, options: KustomizeOptions) -> Kustomization:
    labels, force = options.common_labels, options.force_common_labels
    if not labels:
        return spec
    if not options.label_without_selector:
        return spec._replace(common_labels=_merged(spec.common_labels, labels, "commonLabels", force=force))
    new = Label(dict(labels), include_templates=options.label_include_templates)
    taken = {key for label in spec.labels for key in label.pairs} & labels.keys()
    if taken and not force:
        raise _already(min(taken), "commonLabels")
    return spec._replace(labels=(*spec.labels, new))


def _merged(own: Mapping[str, str], new: Mapping[str, str], name: str, *, force: bool) -> dict[str, str]:
    if not force and (taken := sorted(own.keys() & new.keys())):
        raise _already(taken[0], name)
    return {**own, **new}


def _already(key: str, name: str) -> RenderError:
    place = Place("", field=f"{FIELD}.{name}")
    return RenderError(f"{key!r} is already in the kustomization file; set forceC{name[1:]} to override it", place)


def _substituted(options: KustomizeOptions, variables: Mapping[str, str]) -> dict[str, str]:
    if not options.common_annotations_envsubst:
        return dict(options.common_annotations)
    return {
        key: _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], ""), value)
        for key, value in options.common_annotations.items()
    }
