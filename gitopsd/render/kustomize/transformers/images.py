"""`images:` replaces names, tags and digests of container images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.render.kustomize.fieldspec import FieldSpecs, Json

if TYPE_CHECKING:
    from gitopsd.render.kustomize.api import Image
    from gitopsd.render.kustomize.resource import ResourceSet

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
def _named(name: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(name)}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?")


@dataclass(frozen=True, slots=True)
class ImageTagTransformer:
    """Changes one image, in all containers wherever they stand and at the places of `specs`."""

    image: Image
    specs: FieldSpecs

    def __call__(self, resources: ResourceSet) -> None:
        """Changes it in each object. A definition only describes containers, so it is left alone."""
        for resource in resources:
            obj = resource.object
            if resource.id.gvk.kind != "CustomResourceDefinition":
                obj = self._in_containers(obj)
            resources.put(resource, self.specs.rewrite(obj, resource.id.gvk, self._change))

    def _in_containers(self, value: Json) -> Json:
        """`value` with the image changed in each list called `containers` or `initContainers`, at any depth."""
        if isinstance(value, dict):
            changes = {}
            for key, old in value.items():
                if isinstance(old, (dict, list)):
                    new = self._in_containers(old)
                    if key in _CONTAINERS and isinstance(new, list):
                        new = self._in_list(new)
                    if new is not old:
                        changes[key] = new
            return {**value, **changes} if changes else value
        if isinstance(value, list):
            items = [self._in_containers(item) if isinstance(item, (dict, list)) else item for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def _in_list(self, containers: list[Json]) -> list[Json]:
        items = [self._in_container(container) if isinstance(container, dict) else container for container in containers]
        return items if any(new is not old for new, old in zip(items, containers, strict=True)) else containers

    def _in_container(self, container: dict[str, Json]) -> dict[str, Json]:
        old = container.get("image")
        new = self._change(old)
        return container if new is old else {**container, "image": new}

    def _change(self, value: Json) -> Json:
        wanted = self.image
        if not isinstance(value, str) or not value.startswith(wanted.name) or not _named(wanted.name).fullmatch(value):
            return value
        name, tag, digest = split_image(value)
        if wanted.new_tag or wanted.digest:
            tag, digest = wanted.new_tag, wanted.digest
        elif wanted.tag_suffix:
            tag, digest = tag + wanted.tag_suffix, ""
        new = str(ImageName(wanted.new_name or name, tag, digest))
        return value if new == value else new
