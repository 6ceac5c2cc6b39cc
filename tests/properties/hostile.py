"""Repositories that mean harm: real ones and random ones, with bytes broken and values swapped for what hurts most."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml
from hypothesis import strategies as st

from gitopsd.model.app import DirectoryOptions, KustomizeOptions, KustomizePatch, KustomizeReplica, Selector, Source
from tests.properties.hostile_fields import PATHS, TEMPLATES, WORDS, filled, value
from tests.properties.kustomizations import repositories

ROOT = Path(__file__).parents[2]
OPS = {
    str(file.relative_to(ROOT / "manifests")): file.read_bytes()
    for file in sorted((ROOT / "manifests").rglob("*"))
    if file.is_file()
}
"""The project's own repository of manifests."""

Bytes = dict[str, bytes]

TOKENS = [
    b"&a ", b"*a", b"<<: *a\n", b"&a [*a]", b"--- ", b"\n---\n", b"...\n", b"%YAML 1.2\n", b"!!binary ", b"!!timestamp ",
    b"!!set ", b"? ",
    b": ", b"- ", b"|\n", b">-\n", b"{", b"}", b"[", b"]", b'"', b"'", b"#", b"\t", b"\0", b"\x1b[2J", b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8", b"\r\n", b"~", b"null", b"1e999", b".nan", b"0x", b"-0", b"1" * 400, b"$(VAR)", b"$(", b"$$", b"../",
    b"/etc/passwd", b"$patch: delete\n", b"$patch: replace\n", b"$setElementOrder/containers: [{name: a}]\n", b"apiVersion: v1\n",
    b"kind: List\n", b"items: []\n", b"metadata: {}\n", b"name: \n", b"patches: [{patch: '[]'}]\n", b"namePrefix: x\n",
    b"resources: [.]\n",
]  # fmt: skip
words = st.sampled_from([*WORDS, *PATHS])


def broken(chance: Random, content: bytes) -> bytes:
    """A file with bytes taken out, put in, or given twice."""
    for _ in range(chance.randint(1, 4)):
        begin = chance.randint(0, len(content))
        end = min(len(content), begin + chance.choice((0, 0, 1, 2, 8, 64)))
        middle = chance.choice((*TOKENS, chance.randbytes(2), content[begin:end] * 2, b""))
        content = content[:begin] + middle + content[end:]
    return content


def swapped(chance: Random, content: bytes) -> bytes:
    """A file of YAML with another value in some places; broken where it can't be read."""
    try:
        documents = list(yaml.load_all(content, yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError, AttributeError):  # the last is what PyYAML says to a `!!timestamp` that is none
        return broken(chance, content)
    for _ in range(chance.randint(1, 3)):
        container: Any = documents
        while isinstance(container, (dict, list)) and container:
            key = chance.choice(sorted(container, key=str) if isinstance(container, dict) else range(len(container)))
            if chance.randrange(4) == 0 or not isinstance(container[key], (dict, list)):
                container[key] = copy.deepcopy(chance.choice(documents)) if chance.randrange(8) == 0 else value(chance)
                break
            container = container[key]
    return yaml.dump_all(documents, Dumper=yaml.CSafeDumper, allow_unicode=True).encode("utf-8", "replace")


def led_on(chance: Random, content: bytes) -> bytes:
    """A kustomization with more fields in it."""
    try:
        document = yaml.load(content, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, AttributeError):  # the last is what PyYAML says to a `!!timestamp` that is none
        document = None
    if not isinstance(document, dict):
        return broken(chance, content)
    for _ in range(chance.randint(1, 4)):
        for name, more in filled(chance.choice(TEMPLATES), chance).items():
            there = document.get(name)
            document[name] = there + more if isinstance(there, list) and isinstance(more, list) else more
    return yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True).encode("utf-8", "replace")


def harmed(chance: Random, files: Bytes) -> Bytes:
    """The files, some of them broken."""
    paths = chance.choices(sorted(files), k=chance.randint(1, 3))
    files = files | {
        path: chance.choice((broken, swapped, swapped))(chance, files[path]) for path in paths if chance.randrange(2)
    }
    for path in chance.choices([path for path in sorted(files) if path.endswith("kustomization.yaml")], k=chance.randint(0, 2)):
        files = files | {path: led_on(chance, files[path])}
    return files


@dataclass(frozen=True, slots=True)
class Repository:
    """Files, and the folder to build; shows those that are not the project's own."""

    files: Bytes
    top: str

    def __repr__(self) -> str:
        """For a failure."""
        shown = {path: content for path, content in sorted(self.files.items()) if OPS.get(path) != content}
        return f"{self.top} of {shown}"


@st.composite
def innocent_repositories(draw: st.DrawFn) -> Repository:
    """Real or random ones."""
    if draw(st.integers(0, 3)) == 0:
        files, top = dict(OPS), draw(st.sampled_from(["ops/overlays/prod", "ops/overlays/dev", "ops/base", "applications"]))
    else:
        files, top = {path: text.encode("utf-8", "replace") for path, text in draw(repositories()).items()}, "top"
    return Repository(files, top)


_patches = st.builds(KustomizePatch, path=words, patch=words, target=st.none() | st.builds(Selector, kind=words, name=words))
_options = st.builds(
    KustomizeOptions,
    name_prefix=words, name_suffix=words, namespace=words, images=st.lists(words, max_size=2).map(tuple),
    replicas=st.lists(st.builds(KustomizeReplica, words, words | st.integers()), max_size=1).map(tuple),
    common_labels=st.dictionaries(words, words, max_size=2), common_annotations=st.dictionaries(words, words, max_size=2),
    common_annotations_envsubst=st.booleans(), force_common_labels=st.booleans(), label_without_selector=st.booleans(),
    patches=st.lists(_patches, max_size=1).map(tuple),
    components=st.lists(words, max_size=1).map(tuple), ignore_missing_components=st.booleans(),
)  # fmt: skip
_directories = st.builds(DirectoryOptions, recurse=st.booleans(), include=words, exclude=words)


def sources(path: str) -> st.SearchStrategy[Source]:
    """An Application's source: mostly the folder as it is, else with options of either kind, or another path."""
    folder = st.just(path)
    return (
        st.builds(Source, st.just("repo"), folder)
        | st.builds(Source, st.just("repo"), folder, kustomize=_options)
        | st.builds(Source, st.just("repo"), folder | words, directory=_directories)
    )
