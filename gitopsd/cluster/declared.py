"""Resources that say what to do, rather than what is done: the Application and AppProject objects of one cluster.

They are followed by a watch and kept whole. The only writes are merge patches of what a controller owns in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gitopsd.cluster.client import Client, Request
from gitopsd.cluster.paths import collection, item
from gitopsd.cluster.reflector import Reflector, Target
from gitopsd.cluster.refusal import Refusal
from gitopsd.cluster.watches import Watches
from gitopsd.model.app import AppKey
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.surface import Resource

APPLICATIONS = Resource("argoproj.io", "v1alpha1", "Application", "applications", namespaced=True)
PROJECTS = Resource("argoproj.io", "v1alpha1", "AppProject", "appprojects", namespaced=True)

MERGE_PATCH = "application/merge-patch+json"
_GONE = (404, 409)


@dataclass(slots=True)
class Collection:
    """The objects of one watch, by namespace and name; a `Sink`. `on_change` is told of every news."""

    on_change: Callable[[], None]
    objects: dict[AppKey, Object] = field(default_factory=dict)
    complete_once: bool = False
    _list: dict[AppKey, Object] = field(default_factory=dict)

    def begin(self) -> None:
        """See `Sink`."""
        self._list = {}

    def listed(self, obj: Object) -> None:
        """See `Sink`."""
        self._list[_key(obj)] = obj

    def complete(self, resource_version: int) -> None:
        """See `Sink`. What we wrote after the list was made is newer than the list."""
        for key, obj in self.objects.items():
            if key in self._list and _version(obj) > resource_version:
                self._list[key] = obj
        self.objects, self._list, self.complete_once = self._list, {}, True
        self.on_change()

    def changed(self, obj: Object) -> None:
        """See `Sink`."""
        if self.take(obj):
            self.on_change()

    def deleted(self, obj: Object) -> None:
        """See `Sink`."""
        self.objects.pop(_key(obj), None)
        self.on_change()

    def take(self, obj: Object) -> bool:
        """Keeps the object, if it is newer than what is known; whether it was."""
        known = self.objects.get(_key(obj))
        if known is not None and _version(known) >= _version(obj):
            return False
        self.objects[_key(obj)] = obj
        return True


class Declared:
    """The resources of one cluster that a label selector chooses; projects are taken as they come, for they carry no label."""

    def __init__(self, client: Client, watches: Watches, manager: str) -> None:
        """Asks nothing yet. `manager` is the field manager of what is written into them."""
        self._client = client
        self._watches = watches
        self._manager = manager
        self._followed: list[tuple[Resource, Collection, Reflector]] = []

    def follow(self, selector: str, namespaces: tuple[str, ...], projects: str, on_change: Callable[[], None]) -> None:
        """Follows the applications that `selector` chooses, in the given namespaces or in all, and the projects of one namespace.

        Projects are for who runs gitopsd to make: what somebody calls one in a namespace of their own says nothing.
        """
        for namespace in namespaces or ("",):
            self._follow(APPLICATIONS, namespace, {"labelSelector": selector}, on_change)
        self._follow(PROJECTS, projects, {}, on_change)

    def _follow(self, resource: Resource, namespace: str, selectors: Mapping[str, str], on_change: Callable[[], None]) -> None:
        sink = Collection(on_change)
        target = Target(f"{resource.kind} resources", collection(resource, namespace), selectors)
        self._followed.append((resource, sink, self._watches.follow(target, sink)))

    @property
    def applications(self) -> Mapping[AppKey, Object]:
        """The Application resources as they are now."""
        return {key: obj for sink in self._sinks(APPLICATIONS) for key, obj in sink.objects.items()}

    @property
    def projects(self) -> Mapping[AppKey, Object] | None:
        """The AppProject resources as they are now, None as long as it is not known which there are, or which applications.

        A cluster that does not serve the kinds has none.
        """
        if not all(sink.complete_once or reflector.unserved for _, sink, reflector in self._followed):
            return None
        return {key: obj for sink in self._sinks(PROJECTS) for key, obj in sink.objects.items()}

    @property
    def failures(self) -> tuple[str, ...]:
        """Why something can't be watched."""
        return tuple(dict.fromkeys(reflector.failure for _, _, reflector in self._followed if reflector.failure))

    def _sinks(self, resource: Resource) -> Iterator[Collection]:
        return (sink for followed, sink, _ in self._followed if followed is resource)

    async def patch(self, key: AppKey, patch: Mapping[str, Any]) -> bool:
        """Merges `patch` into an application; false where the object it was made for is gone or replaced.

        The patch holds for just the object that is known under this name: its uid goes with it. Raises ObjectError where the
        server refuses, ClusterError where it can't be reached.
        """
        known = self.applications.get(key)
        if known is None:
            return False
        body = {**patch, "metadata": {**patch.get("metadata", {}), "uid": known["metadata"]["uid"]}}
        path, params = item(APPLICATIONS, key.namespace, key.name), {"fieldManager": self._manager}
        try:
            answer = await self._client.send(Request("PATCH", path, "patch", params, orjson.dumps(body), MERGE_PATCH))
        except Refusal as refusal:
            if refusal.code in _GONE:
                return False
            raise refusal.on(ObjectRef(APPLICATIONS.group, APPLICATIONS.kind, key.namespace, key.name), "write status") from None
        for sink in self._sinks(APPLICATIONS):
            if key in sink.objects:
                sink.take(answer.body)
        return True


def _key(obj: Object) -> AppKey:
    return AppKey(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def _version(obj: Object) -> int:
    version = obj["metadata"].get("resourceVersion", "")
    return int(version) if version.isdecimal() else 0
