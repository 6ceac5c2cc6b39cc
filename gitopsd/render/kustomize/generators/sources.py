"""The keys and values of a generated ConfigMap or Secret.

In the order in which later keys clash with earlier ones: environment files, literals, files. Values are bytes, since a file
may hold anything.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from gitopsd.model.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitopsd.render.kustomize.api import GeneratorArgs

_BOM = "\ufeff"


def load_pairs(args: GeneratorArgs, read: Callable[[str], bytes]) -> dict[str, bytes]:
    """All keys and values. `read` gives the content of a file. Raises RenderError for a missing or repeated key.

    Whether a key is one that the API server takes is the server's business, as it is for kustomize.
    """
    pairs: dict[str, bytes] = {}
    for key, value in _all(args, read):
        if key in pairs:
            raise RenderError(f"{args.name} illegally repeats the key `{key}`")
        pairs[key] = value
    return pairs


def _all(args: GeneratorArgs, read: Callable[[str], bytes]) -> Iterator[tuple[str, bytes]]:
    for path in (*args.envs, *([args.env] if args.env else [])):
        yield from env_pairs(read(path), path)
    for literal in args.literals:
        yield literal_pair(literal)
    for source in args.files:
        key, path = file_source(source)
        yield key, read(path)


def env_pairs(content: bytes, path: str) -> Iterator[tuple[str, bytes]]:
    """The pairs of an environment file: `KEY=value` lines, blank lines and `#` comments; nothing is unquoted."""
    for number, raw in enumerate(content.split(b"\n"), start=1):
        try:
            line = raw.removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            raise RenderError(f"{path}:{number}: the line is not UTF-8") from error
        if number == 1:
            line = line.removeprefix(_BOM)
        line = line.lstrip()
        if not line or line.startswith("#"):
            continue
        key, _, value = line.partition("=")
        if key:
            yield key, value.encode()


def literal_pair(source: str) -> tuple[str, bytes]:
    """`key=value`; one pair of quotes around the value is taken off."""
    key, equals, value = source.partition("=")
    if not equals or not key:
        raise RenderError(f"invalid literal source {key}, expected key=value")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key, value.encode()


def file_source(source: str) -> tuple[str, str]:
    """`path`, or `key=path`: the key and the path."""
    key, equals, path = source.partition("=")
    if not equals:
        return posixpath.basename(source), source
    if not key or not path or "=" in path:
        raise RenderError(f"invalid file source {source!r}, expected key=path or path")
    return key, path
