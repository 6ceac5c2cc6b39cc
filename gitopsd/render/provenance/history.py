"""From a field of the result backwards through the versions of its object, to where it first stood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gitopsd.formats.path import Path
from gitopsd.formats.scalars import Dialect
from gitopsd.render.provenance.explained import Explained, Step
from gitopsd.render.provenance.fields import Lists, leaves, same, value_at
from gitopsd.render.provenance.places import Places
from gitopsd.render.provenance.texts import Text, Texts

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.render.provenance.events import Version


def explain(obj: Object, versions: Sequence[Version]) -> tuple[Explained, ...]:
    """All leaves of an object, in its order; `versions` are all it ever was, the first as it entered and the last as it is."""
    places = Places()
    return tuple(
        Explained(places.lists.named(obj, path), path, value, tuple(reversed(list(_steps(path, versions, places)))))
        for path, value in leaves(obj)
    )


def explain_manifest(text: Text, index: int, obj: Object) -> tuple[Explained, ...]:
    """The same of an object of a plain folder, the one at `index` of its file: each field is where it stands."""
    texts, lists = Texts(), Lists()
    origin = texts.objects(text, Dialect.KUBECTL)[index]
    explained = []
    for path, value in leaves(obj):
        step = Step("resource", texts.place(text, origin, path, Dialect.KUBECTL), None, value)
        explained.append(Explained(lists.named(obj, path), path, value, (step,)))
    return tuple(explained)


def _steps(path: Path, versions: Sequence[Version], places: Places) -> Iterator[Step]:
    """What changed the field, the last first, down to what made it."""
    for older, newer in zip(reversed(versions[:-1]), reversed(versions[1:]), strict=True):
        before = places.lists.counterpart(newer.object, path, older.object)
        value = value_at(newer.object, path)
        if len(before) < len(path):
            yield places.step(newer, path)
            return
        if not same(value_at(older.object, before), value):
            yield places.step(newer, path)
        path = before
    yield places.step(versions[0], path)
