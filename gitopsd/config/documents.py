"""YAML documents that know where each of their values stands.

Strict about what a person could not have meant: a duplicate key is an error, and so is an alias that makes a small file large.
"""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from gitopsd.model.errors import ConfigError, Place

Path = tuple[str | int, ...]
"""The way from a document's root to a value: `("spec", "sources", 0, "path")`."""

MAX_VALUES = 200_000
MAX_DEPTH = 64


class ConfigErrors(ConfigError):  # noqa: N818 - it is several of them
    """Everything that is wrong with a document; `errors` are in the order of its lines."""

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        """`errors` has at least one."""
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its plain value, and where each path into it stands (`marks`: the key, then the value)."""

    file: str
    value: Any
    line: int
    marks: dict[Path, tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=dict, repr=False)
    sources: dict[Path, str] = field(default_factory=dict, repr=False)
    """The names of environment variables, by the path of the value that each stands for."""

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Where `path` stands: its value or its key, or the nearest parent that is there."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.sources:
                return Place(self.sources[path[:end]], field=dotted(path))
        known = path
        while known and known not in self.marks:
            known = known[:-1]
        marks = self.marks.get(known)
        line, column = (marks[0] if of_key and known == path else marks[1]) if marks else (self.line, 1)
        return Place(self.file, line, column, dotted(path) or None)

    def error(self, path: Path, message: str, *, of_key: bool = False) -> ConfigError:
        """`message` about the value (or key) at `path`."""
        return ConfigError(message, self.place(path, of_key=of_key))

    def part(self, path: Path) -> Document:
        """The document below `path`, as if it stood alone: an item of a List."""
        value = self.value
        for step in path:
            value = value[step]
        marks = {known[len(path) :]: at for known, at in self.marks.items() if known[: len(path)] == path}
        return Document(self.file, value, marks[()][1][0] if () in marks else self.line, marks)


def dotted(path: Path) -> str:
    """As people write it: `spec.sources[0].path`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif "." in step or "/" in step:
            text += f"[{step!r}]"
        else:
            text += f".{step}" if text else step
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean "selfHeal"?`, or nothing where no known word is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.7)
    return f', did you mean "{by_lower[near[0]]}"?' if near else ""


def read_documents(text: bytes, file: str) -> tuple[Document, ...]:
    """The documents of a file, empty ones left out; raises ConfigError with the place where it is no YAML."""
    loader = yaml.CSafeLoader(text)
    documents: list[Document] = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                documents.append(_document(node, file))
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"is no YAML: {error.problem or error.context}", _mark_place(file, error.problem_mark)) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"is no YAML: {str(error).splitlines()[0]}", Place(file)) from None
    finally:
        loader.dispose()
    return tuple(document for document in documents if document.value is not None)


def _mark_place(file: str, mark: yaml.Mark | None) -> Place:
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)


def _document(node: yaml.Node, file: str) -> Document:
    reader = _Reader(file)
    at = _at(node)
    reader.marks[()] = (at, at)
    return Document(file, reader.read(node, ()), at[0], reader.marks)


def _at(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


@dataclass(slots=True)
class _Reader:
    file: str
    marks: dict[Path, tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=dict)

    def read(self, node: yaml.Node, path: Path) -> Any:
        if len(self.marks) > MAX_VALUES or len(path) > MAX_DEPTH:
            raise self.error(node, f"more than {MAX_VALUES} values, or deeper than {MAX_DEPTH}: aliases that repeat each other?")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.item(child, (*path, index)) for index, child in enumerate(node.value)]
        return self.scalar(cast(yaml.ScalarNode, node))

    def item(self, node: yaml.Node, path: Path) -> Any:
        self.marks[path] = (_at(node), _at(node))
        return self.read(node, path)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, child in node.value:
            key = self.scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise self.error(key_node, "a key must be text")
            if key in value:
                raise self.error(key_node, f'"{key}" stands here twice')
            self.marks[*path, key] = (_at(key_node), _at(child))
            value[key] = self.read(child, (*path, key))
        return value

    def scalar(self, node: yaml.ScalarNode) -> Hashable:
        """As kubectl reads it: YAML 1.1's booleans and numbers, but a date stays text."""
        text: str = node.value
        if node.tag == "tag:yaml.org,2002:null":
            return None
        construct = _SCALARS.get(node.tag)
        try:
            return construct(_CONSTRUCTOR, node) if construct else text
        except (ValueError, yaml.YAMLError):
            return text

    def error(self, node: yaml.Node, message: str) -> ConfigError:
        return ConfigError(message, Place(self.file, *_at(node)))


_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_SCALARS = {
    "tag:yaml.org,2002:bool": yaml.constructor.SafeConstructor.construct_yaml_bool,
    "tag:yaml.org,2002:int": yaml.constructor.SafeConstructor.construct_yaml_int,
    "tag:yaml.org,2002:float": yaml.constructor.SafeConstructor.construct_yaml_float,
}
