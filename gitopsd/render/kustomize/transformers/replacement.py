"""`replacements:` copies the value of one field into others."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.formats.regexp import is_literal
from gitopsd.formats.scalars import RULES, Dialect, ScalarError, text_of
from gitopsd.model.errors import LimitError, RenderError
from gitopsd.render.kustomize import structured
from gitopsd.render.kustomize.api import Selector
from gitopsd.render.kustomize.errors import FieldError, retold
from gitopsd.render.kustomize.fieldpath import MISSING, Json, Update, lookup, split_path
from gitopsd.render.kustomize.growth import check_nodes, check_text
from gitopsd.render.kustomize.ids import Gvk
from gitopsd.render.kustomize.selectors import markers_match, pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitopsd.render.kustomize.api import FieldOptions, Replacement, SourceSelector, TargetSelector
    from gitopsd.render.kustomize.ids import Id
    from gitopsd.render.kustomize.resource import Resource, ResourceSet

_DEFAULT_PATH = "metadata.name"


class Entry(NamedTuple):
    """A replacement, the field of the kustomization file that asks for it, and its position in the file that that may name."""

    replacement: Replacement
    field: str
    position: int = 0


class ReplacementTransformer(NamedTuple):
    """All of `replacements` of one kustomization, done in order."""

    replacements: tuple[Entry, ...]

    def __call__(self, resources: ResourceSet) -> None:
        """Raises FieldError if a source is missing or ambiguous, or a target field can't be found or written."""
        for replacement, field, _ in self.replacements:
            try:
                read = _source_value(resources, replacement)
                for target in replacement.targets:
                    _replace(resources, target, read)
            except LimitError:
                raise
            except RenderError as error:
                raise FieldError(error.message, field) from error


def _source_value(resources: ResourceSet, replacement: Replacement) -> Callable[[], Json]:
    """What reads the value: anew for each target, as a source may be among them. A part of a value stays what it was."""
    source = replacement.source
    if not replacement.targets or (source is None and replacement.source_value is None):
        raise RenderError("replacements must specify a source and at least one target")
    if source is None:
        return lambda: replacement.source_value
    if replacement.source_value is not None:
        raise RenderError("value and resource selectors are mutually exclusive")
    path = source.field_path or _DEFAULT_PATH
    resource, parts = _source(resources, source), split_path(path)
    value = lookup(resource.object, parts)
    if value is MISSING or value is None or value in ({}, []):
        raise RenderError(f"fieldPath `{path}` is missing for replacement source {_named(source)}")
    if source.options and source.options.delimiter:
        part = _part(value, source.options)
        return lambda: part
    return lambda: value if (now := lookup(resource.object, parts)) is MISSING else now


def _named(source: SourceSelector) -> str:
    return f"{Gvk(source.group, source.version, source.kind)}/{source.name or '[noName]'}.{source.namespace or '[noNs]'}"


def _source(resources: ResourceSet, source: SourceSelector) -> Resource:
    wanted = Gvk(source.group, source.version, source.kind)
    candidates = resources.named(source.name) if source.name else list(resources)
    found = [
        resource
        for resource in candidates
        if any(
            wanted.selects(one.gvk) and source.name in {"", one.name} and source.namespace in {"", one.namespace}
            for one in _ids(resource)
        )
    ]
    if len(found) != 1:
        how_many = "multiple matches for" if found else "nothing selected by"
        raise RenderError(f"{how_many} replacement source {_named(source)}")
    return found[0]


def _ids(resource: Resource) -> Iterator[Id]:
    yield resource.id
    yield from resource.past_ids()


def _ids_as_written(resource: Resource) -> Iterator[Id]:
    """As `_ids`, but a target's present namespace is what the object says: without one, `namespace: default` is not for it."""
    yield resource.id._replace(namespace=resource.namespace)
    yield from resource.past_ids()


def _part(value: Json, options: FieldOptions) -> str:
    if isinstance(value, (dict, list)):
        raise RenderError("delimiter option can only be used with scalar nodes")
    parts = text_of(value).split(options.delimiter)
    if not 0 <= options.index < len(parts):
        raise RenderError(f"options.index {options.index} is out of bounds for value {text_of(value)}")
    return parts[options.index]


def _replace(resources: ResourceSet, target: TargetSelector, read: Callable[[], Json]) -> None:
    if target.select is None:
        raise RenderError("target must specify resources to select")
    paths = target.field_paths or (_DEFAULT_PATH,)
    for resource in _targets(resources, target.select, target.reject):
        for path in paths:
            value = read()
            try:
                obj = _written(resource.object, path, value, target.options)
            except RenderError as error:
                raise retold(error, f"{resource.id}: {error.message}") from error
            if isinstance(value, (dict, list)):
                check_nodes(obj)
            resources.put(resource, obj)


def _targets(resources: ResourceSet, wanted: Selector, rejected: tuple[Selector, ...]) -> list[Resource]:
    """The resources with an id that is wanted, and none that is rejected; labels and annotations count for the whole resource."""
    by_name = bool(wanted.name) and is_literal(wanted.name)
    candidates = resources.named(wanted.name) if by_name else list(resources)
    by_marker = [one for one in rejected if one.label_selector or one.annotation_selector]
    by_id = [one for one in rejected if _asks_for_id(one)]
    found: list[Resource] = []
    for resource in candidates:
        markers, ids = resource.object, list(_ids_as_written(resource))
        if not markers_match(markers, wanted) or any(markers_match(markers, one) for one in by_marker):
            continue
        if any(_selects(wanted, one) for one in ids) and not any(_selects(no, one) for no in by_id for one in ids):
            found.append(resource)
    return found


def _asks_for_id(selector: Selector) -> bool:
    return any((selector.group, selector.version, selector.kind, selector.name, selector.namespace))


def _selects(selector: Selector, one: Id) -> bool:
    asked = (selector.kind, one.gvk.kind), (selector.name, one.name), (selector.namespace, one.namespace)
    return all(
        pattern(text)(value) for text, value in (*asked, (selector.group, one.gvk.group), (selector.version, one.gvk.version))
    )


def _written(obj: Json, path: str, value: Json, options: FieldOptions | None) -> Json:
    create = options is not None and options.create
    parts = split_path(path.removeprefix("."))
    edit = _editor(value, options)
    if (embedded := structured.write(obj, parts, _editor(value, None), create=create)) is not None:
        return embedded
    update = Update(edit, create=create)
    try:
        new = update.apply(obj, parts)
    except RenderError as error:
        message = f"unable to find{' or create' if create else ''} field {path!r} in replacement target: {error.message}"
        raise retold(error, message) from error
    if not update.found:
        raise RenderError(f"unable to find{' or create' if create else ''} field {path!r} in replacement target")
    return new


def _editor(value: Json, options: FieldOptions | None) -> Callable[[Json], Json]:
    """What becomes of an old value: kustomize puts text for text, and leaves a plain target its type."""

    def edit(old: Json) -> Json:
        if isinstance(old, (dict, list)) or (old is MISSING and isinstance(value, (dict, list))):
            if options is not None and options.delimiter:
                raise RenderError("delimiter option can only be used with scalar nodes")
            return value
        text = "" if isinstance(value, (dict, list)) else text_of(value)
        if options is not None and options.delimiter:
            text = _joined("" if old is MISSING else text_of(old), text, options)
        return _typed(text, old)

    return edit


def _joined(old: str, text: str, options: FieldOptions) -> str:
    parts = old.split(options.delimiter)
    if options.index < 0:
        parts.insert(0, text)
    elif options.index >= len(parts):
        parts.append(text)
    else:
        parts[options.index] = text
    check_text(len(old) + len(text))
    return options.delimiter.join(parts)


@lru_cache(maxsize=1)
def _plain_scalars() -> dict[str, Json]:
    return RULES[Dialect.RESOURCE].values


def _typed(text: str, old: Json) -> Json:
    """The value that `text` is in the place of `old`, whose type stays; a new field has the type that YAML sees."""
    if isinstance(old, str):
        return text
    try:
        value = _plain_scalars()[text]
    except ScalarError as error:
        raise RenderError(str(error)) from error
    if old is MISSING or type(value) is type(old) or _is_number(value) is _is_number(old) is True:
        return value
    raise structured.MismatchError(f"cannot put {text!r} into a field that holds {_type_name(old)}")


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _type_name(value: Json) -> str:
    return "null" if value is None else "a boolean" if isinstance(value, bool) else "a number"
