"""The container images of a set of manifests: what `status.summary` of an Application names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitopsd.model.refs import Object

_PODS = (("spec", "template", "spec"), ("spec", "jobTemplate", "spec", "template", "spec"), ("spec",))
"""Where a pod's spec may stand: in a workload, in a CronJob, in a Pod."""


def images(objects: Iterable[Object]) -> tuple[str, ...]:
    """Each image once, sorted."""
    return tuple(sorted({image for obj in objects for path in _PODS for image in _of_pod(_at(obj, path))}))


def _of_pod(spec: Mapping[str, Any]) -> Iterator[str]:
    for part in ("initContainers", "containers"):
        containers = spec.get(part)
        for container in containers if isinstance(containers, list) else ():
            if isinstance(container, dict) and isinstance(image := container.get("image"), str):
                yield image


def _at(obj: Any, path: tuple[str, ...]) -> Mapping[str, Any]:
    for name in path:
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj if isinstance(obj, dict) else {}
