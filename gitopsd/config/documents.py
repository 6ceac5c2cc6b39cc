"""YAML documents that know where each of their values stands.

They are read strictly (`Dialect.RESOURCE`): a key that is given twice is an error, and of booleans there are only true and false.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import Limits, Marked, load_marked
from gitopsd.model.errors import ConfigError, Place, RenderError

Path = tuple[str | int, ...]
"""The way from a document's root to a value: `("spec", "sources", 0, "path")`."""

_LIMITS = Limits(bytes=4 << 20, documents=10_000, depth=64, nodes=500_000, aliased=20_000)
_NOWHERE = Marked([None], [(1, 1)], {})


class ConfigErrors(ConfigError):  # noqa: N818 - it is several of them
    """Everything that is wrong with a document; `errors` are in the order of its lines."""

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        """`errors` has at least one."""
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, or an item of a List in it: its plain value, and where it stands.

    `sources` has the names of environment variables, by the path of the value that each stands for.
    """

    file: str
    value: Any
    marked: Marked = field(default=_NOWHERE, repr=False)
    index: int = 0
    base: Path = ()
    sources: dict[Path, str] = field(default_factory=dict, repr=False)

    @property
    def origin(self) -> str:
        """Where it begins, as people are told: `apps/shop.yaml:3`; its name alone, where it never was a file's."""
        return self.file if self.marked is _NOWHERE else f"{self.file}:{self.marked.locate(self.base, self.index)[0]}"

    def place(self, path: Path) -> Place:
        """Where `path` stands, or the nearest parent that is there."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.sources:
                return Place(self.sources[path[:end]], field=dotted(path))
        if self.marked is _NOWHERE:
            return Place(self.file, field=dotted(path) or None)
        return Place(self.file, *self.marked.locate(self.base + path, self.index), dotted(path) or None)

    def error(self, path: Path, message: str) -> ConfigError:
        """`message` about what stands, or should stand, at `path`."""
        return ConfigError(message, self.place(path))

    def part(self, path: Path) -> Document:
        """What stands at `path`, as if it were a document of its own."""
        value = self.value
        for step in path:
            value = value[step]
        return Document(self.file, value, self.marked, self.index, self.base + path)


def read_documents(text: bytes, file: str) -> tuple[Document, ...]:
    """The documents of a file, empty ones left out; raises ConfigError with the place where it is no YAML."""
    try:
        marked = load_marked(text, file, Dialect.RESOURCE, _LIMITS)
    except RenderError as error:
        raise ConfigError(error.message, error.place) from None
    return tuple(Document(file, value, marked, index) for index, value in enumerate(marked.documents))


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
