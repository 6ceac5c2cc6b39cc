"""The loader: documents, keys, anchors, merges, positions, and what it refuses."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import Limits, load_documents, load_marked, locate
from gitopsd.model.errors import LimitError, RenderError


def load(text: str, dialect: Dialect = Dialect.RESOURCE, limits: Limits | None = None) -> list[Any]:
    """The documents of a file `f.yaml`."""
    return load_documents(text.encode(), "f.yaml", dialect, limits or Limits())


def refused(text: str | bytes, dialect: Dialect = Dialect.RESOURCE, limits: Limits | None = None) -> str:
    """The error that reading gives."""
    with pytest.raises(RenderError) as raised:
        load_documents(text.encode() if isinstance(text, str) else text, "f.yaml", dialect, limits or Limits())
    return str(raised.value)


def test_documents() -> None:
    """Empty documents are left out."""
    assert load("a: 1\n---\n---\n# nothing\n---\nb: [1, {c: d}]\n") == [{"a": 1}, {"b": [1, {"c": "d"}]}]
    assert load("") == load("# only this") == load("null") == []


def test_quotes_make_strings() -> None:
    """Quoted and block scalars are strings whatever they hold."""
    assert load("a: '1'\nb: \"true\"\nc: |\n  2\n") == [{"a": "1", "b": "true", "c": "2\n"}]


def test_equal_keys() -> None:
    """Kustomize refuses equal keys of a resource; elsewhere the last one wins."""
    assert refused("a: {b: 1,\n  b: 2}") == "f.yaml:2:3: key 'b' is given twice in one mapping"
    assert load("a: 1\na: 2", Dialect.KUBECTL) == load("a: 1\na: 2", Dialect.KUSTOMIZATION) == [{"a": 2}]


def test_keys_that_are_no_strings() -> None:
    """Kubectl makes text of them; kustomize does so at the first level and refuses them below."""
    assert load("1: a") == [{"1": "a"}]
    assert refused("a: {1: x}") == "f.yaml:1:5: key 1 is not a string; quote it"
    assert load("a: {1: x, yes: b, 1.50: z}", Dialect.KUBECTL) == [{"a": {"1": "x", "true": "b", "1.5": "z"}}]
    assert "null can't be a key" in refused("a: {null: x}", Dialect.KUBECTL)
    assert "a list or mapping can't be a key" in refused("{[a]: x}")


def test_merge_keys() -> None:
    """In a resource a mapping's own keys win over merged ones, and earlier sources over later ones."""
    text = "x: [&a {k: 1}, &b {k: 2, j: 3}]\ny: {k: 9, <<: [*a, *b]}\nz: {<<: [*a, *b]}\nw: {<<: {q: 1}}\n"
    assert load(text)[0] | {"x": 0} == {"x": 0, "y": {"k": 9, "j": 3}, "z": {"k": 1, "j": 3}, "w": {"q": 1}}


def test_merge_keys_in_yaml_11() -> None:
    """Kubectl merges where the key stands: what was said before it is overwritten."""
    assert load("x: &a {k: 1}\nz: {k: 2, <<: *a}\nv: {<<: *a, k: 2}", Dialect.KUBECTL)[0] | {"x": 0} == {
        "x": 0,
        "z": {"k": 1},
        "v": {"k": 2},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y: {<<: 1}", "f.yaml:1:9: '<<' needs a mapping or a sequence of mappings"),
        ("y: {<<: {a: 1}, <<: {b: 1}}", "f.yaml:1:17: merge key '<<' is given twice in one mapping"),
        ("s: &a {b: *a}", "f.yaml:1:11: anchor &a contains itself"),
        ("x: *no", "f.yaml:1:4: alias *no refers to no anchor before it"),
        ("a: .nan", "f.yaml:1:4: .nan is no number that JSON can hold; quote it if a string is meant"),
        ("a: !!int x", "f.yaml:1:4: the value is no !!int"),
        ("a: !!binary '!'", "f.yaml:1:4: !!binary holds no base64 of UTF-8 text"),
        ("%YAML 1.2\n---\na: 1", "f.yaml:1:1: only YAML 1.1 is understood; remove the %YAML directive"),
        ("a: 1\n--- foo\n", "f.yaml:2:1: a document separator '---' must stand alone on its line"),
        ("a: b: c", "f.yaml:1:5: not YAML: mapping values are not allowed in this context"),
    ],
)
def test_refused(text: str, message: str) -> None:
    """What can't be read is named with its place."""
    assert refused(text) == message


def test_not_utf8() -> None:
    """Bytes that are no UTF-8 are refused."""
    assert refused(b"a: \xff") == "f.yaml: not YAML: invalid leading UTF-8 octet"


@pytest.mark.parametrize("text", ["{" * 100_000, "? " * 100_000, "? - " * 100_000])
def test_keys_in_keys(text: str) -> None:
    """Collections as keys end at the first."""
    assert "a list or mapping can't be a key" in refused(text)


def test_no_value_in_errors() -> None:
    """An error never quotes a value, which may be a Secret's."""
    assert "hunter2" not in refused("stringData: {password: !!int hunter2}")


def test_tags() -> None:
    """Known tags convert, others leave a string, as in Go's libraries."""
    assert load("a: !!str 1\nb: !foo 2\nc: !!binary aGVsbG8=\nd: !!int '3'\ne: !!float 1\nf: !foo {g: 1}") == [
        {"a": "1", "b": "2", "c": "hello", "d": 3, "e": 1, "f": {"g": 1}}
    ]


def test_anchors() -> None:
    """An alias is the value of the last anchor of its name; anchors end with their document."""
    assert load("x: &a 1\ny: *a\nz: &a 2\nw: *a\n*a : k") == [{"x": 1, "y": 1, "z": 2, "w": 2, "2": "k"}]
    assert "refers to no anchor" in refused("a: &x 1\n---\nb: *x")


def test_keys_without_value() -> None:
    """A resource's mapping knows which of its nulls were not written, through copies and pickles, and is a dict to all else."""
    found = load("a:\nb: null\nc: {d: , e: 1}")[0]
    assert found == {"a": None, "b": None, "c": {"d": None, "e": 1}}
    for twin in (found, copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert (twin.blank, twin["c"].blank) == ({"a"}, {"d"})
    assert orjson.dumps(found) == b'{"a":null,"b":null,"c":{"d":null,"e":1}}'
    assert type(load("a:", Dialect.KUBECTL)[0]) is dict
    assert load_marked(b"x:\n  a:\n  b: 1\n", "f", Dialect.RESOURCE).locate(["x", "b"]) == (3, 3)


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "limits", "message"),
    [
        (LAUGHS, Limits(), "aliases repeat more than 200000 values"),
        ("[" * 100_000, Limits(), "f.yaml:1:201: nested deeper than 200 levels"),
        ("- " * 100_000, Limits(), "nested deeper than 200 levels"),
        ("{a: " * 100_000, Limits(), "nested deeper than 200 levels"),
        ("a: &a [[[x]]]\nb: [[*a]]", Limits(depth=5), "f.yaml:2:6: nested deeper than 5 levels"),
        ("a: 1\n---\nb: 1\n---\nc: 1", Limits(documents=2), "more than 2 documents"),
        ("- 1\n" * 11, Limits(nodes=10), "more than 10 values"),
        ("".join(f"k{i}: 1\n" for i in range(11)), Limits(nodes=10), "more than 10 values"),
        ("a" * 101, Limits(bytes=100), "the file has 101 bytes, more than 100"),
    ],
)
def test_bounds(text: str, limits: Limits, message: str) -> None:
    """Each bound has its own error, and hostile files reach it soon."""
    with pytest.raises(LimitError, match=message.replace("[", r"\[")):
        load(text, limits=limits)


def test_positions() -> None:
    """Keys and items have positions, those from a merge where they were written; what is missing has its parent's."""
    text = b"a: 1\nb:\n- c: 2\n  d: &x {e: 1}\nf:\n  <<: *x\n  g: 1\n"
    marked = load_marked(text, "f", Dialect.RESOURCE)
    assert marked.documents == load_documents(text, "f", Dialect.RESOURCE)
    places: list[tuple[list[str | int], tuple[int, int]]] = [
        (["a"], (1, 1)),
        (["b", 0], (3, 3)),
        (["b", 0, "d", "e"], (4, 10)),
        (["f", "e"], (4, 10)),
        (["f", "g"], (7, 3)),
        (["b", 7, "x"], (2, 1)),
        ([], (1, 1)),
    ]
    for path, place in places:
        assert marked.locate(path) == locate(text, Dialect.RESOURCE, path) == place
    assert marked.position(marked.documents[0]["b"][0], "c") == (3, 3)
    assert marked.position({}, "c") is None


FLOATS = st.floats(-(2.0**53), 2.0**53)  # past these an integral float has no exact text
texts = st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc", "Cn", "Zl", "Zp"], blacklist_characters="\ufeff"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | FLOATS | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_is_yaml(value: Any) -> None:
    """Any JSON reads as itself, in every dialect (but for what YAML 1.1 takes for line breaks, and pairs of surrogates)."""
    text = json.dumps({"value": value}, ensure_ascii=False).encode()
    for dialect in Dialect:
        assert load_documents(text, "f", dialect) == [{"value": value}]


@given(st.binary(max_size=200) | st.text(alphabet="{}[]&*!|>-:?%@\"'#, \n\tab1.", max_size=60).map(str.encode))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """No input raises anything but a RenderError; positions do not change what is read."""
    for dialect in Dialect:
        try:
            documents = load_documents(data, "f", dialect)
        except RenderError:
            continue
        assert repr(load_marked(data, "f", dialect).documents) == repr(documents)
