"""`images:` replaces names, tags and digests of container images."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.fieldspec import FieldSpecs, Json
from gitopsd.render.kustomize.quotes import overwrite

if TYPE_CHECKING:
    from gitopsd.render.kustomize.api import Image
    from gitopsd.render.kustomize.resource import Resource, ResourceSet

_CONTAINERS = ("containers", "initContainers")


class ImageName(NamedTuple):
    """`name:tag@digest`, taken apart."""

    name: str
    tag: str
    digest: str

    def __str__(self) -> str:
        """Put together again."""
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def split_image(text: str) -> ImageName:
    """The parts of an image reference; a port of the registry's host is no tag."""
    host_end = max(text.find("/"), 0)
    rest, _, digest = text[host_end:].partition("@")
    name, _, tag = rest.partition(":")
    return ImageName(text[:host_end] + name, tag, digest)


@lru_cache(maxsize=1024)
def _named(name: str) -> Callable[[str], object]:
    """Whether an image has a name, which kustomize takes for a regular expression; what is none names nothing."""
    try:
        return re.compile(rf"^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?\Z").search
    except re.error:
        return lambda _image: None


Site = tuple[str | int, ...]
"""The path of one list of containers in an object."""


class ContainerSites:
    """Where the containers of each resource are, found once for all images of a layer: changing an image moves none."""

    def __init__(self) -> None:
        self._known: dict[Resource, tuple[Site, ...]] = {}

    def of(self, resource: Resource) -> tuple[Site, ...]:
        """The lists called `containers` or `initContainers`, at any depth. A definition only describes them, so it has none."""
        sites = self._known.get(resource)
        if sites is None:
            described = resource.id.gvk.kind == "CustomResourceDefinition"
            sites = self._known[resource] = () if described else tuple(_sites(resource.object, ()))
        return sites


def _sites(value: Json, path: Site) -> Iterator[Site]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, (dict, list)):
                if key in _CONTAINERS and isinstance(inner, list):
                    yield (*path, key)
                yield from _sites(inner, (*path, key))
    else:
        for index, item in enumerate(value):
            if isinstance(item, (dict, list)):
                yield from _sites(item, (*path, index))


class ImageTagTransformer(NamedTuple):
    """Changes one image, in all containers wherever they stand and at the places of `specs`."""

    image: Image
    specs: FieldSpecs
    sites: ContainerSites

    def __call__(self, resources: ResourceSet) -> None:
        """Changes it in each object."""
        for resource in resources:
            obj = resource.object
            for site in self.sites.of(resource):
                obj = self._at(obj, site)
            resources.put(resource, self.specs.rewrite(obj, resource.id.gvk, self._change))

    def _at(self, value: Json, site: Site) -> Json:
        if not site:
            return self._in_list(value)
        step, rest = site[0], site[1:]
        old = value[step]
        new = self._at(old, rest)
        if new is old:
            return value
        changed = value.copy()
        changed[step] = new
        return changed

    def _in_list(self, containers: list[Json]) -> list[Json]:
        items = [self._in_container(container) if isinstance(container, dict) else container for container in containers]
        return items if any(new is not old for new, old in zip(items, containers, strict=True)) else containers

    def _in_container(self, container: dict[str, Json]) -> dict[str, Json]:
        old = container.get("image")
        new = self._change(old)
        return container if new is old else {**container, "image": new}

    def _change(self, value: Json) -> Json:
        wanted = self.image
        if isinstance(value, (dict, list)):
            raise RenderError("wrong node kind: an image must be a plain value")
        if not isinstance(value, str) or not _named(wanted.name)(value):
            return value
        name, tag, digest = split_image(value)
        if wanted.new_tag or wanted.digest:
            tag, digest = wanted.new_tag, wanted.digest
        elif wanted.tag_suffix:
            tag, digest = tag + wanted.tag_suffix, ""
        new = str(ImageName(wanted.new_name or name, tag, digest))
        return value if new == value else overwrite(value, new)
