"""JSON6902: objects and operations in, objects out. Each expectation is what kustomize 5.8 made of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.patches import json6902


def read(text: str) -> Any:
    """The value of one line of YAML."""
    return load_documents(text.encode(), "t.yaml", Dialect.RESOURCE)[0]


TARGET = read("{l: [1, 2, 3], m: {x: 1, a/b: 2, c~d: 3, n: null}, s: str, e: []}")


@pytest.mark.parametrize(
    ("operation", "field", "expected"),
    [
        ("{op: add, path: /l/-, value: 9}", "l", "[1, 2, 3, 9]"),
        ("{op: add, path: /l/0, value: 9}", "l", "[9, 1, 2, 3]"),
        ("{op: add, path: /l/3, value: 9}", "l", "[1, 2, 3, 9]"),
        ("{op: add, path: /l/-1, value: 9}", "l", "[1, 2, 3, 9]"),
        ("{op: add, path: /l/01, value: 9}", "l", "[1, 9, 2, 3]"),
        ("{op: add, path: /m/a~1b, value: 9}", "m", "{x: 1, a/b: 9, c~d: 3, n: null}"),
        ("{op: add, path: /m/c~0d}", "m", "{x: 1, a/b: 2, c~d: null, n: null}"),
        ("{op: add, path: /e/-, value: {a: b}}", "e", "[{a: b}]"),
        ("{op: remove, path: /l/0}", "l", "[2, 3]"),
        ("{op: remove, path: /l/-1}", "l", "[1, 2]"),
        ("{op: remove, path: /m/n}", "m", "{x: 1, a/b: 2, c~d: 3}"),
        ("{op: replace, path: /l/1, value: x}", "l", "[1, x, 3]"),
        ("{op: replace, path: /new, value: 1}", "new", "1"),
        ("{op: move, from: /l/0, path: /l/2}", "l", "[2, 3, 1]"),
        ("{op: move, from: /s, path: /m}", "m", "str"),
        ("{op: copy, from: /l, path: /m/l}", "m", "{x: 1, a/b: 2, c~d: 3, n: null, l: [1, 2, 3]}"),
        ("{op: copy, from: /none, path: /new}", "new", "null"),
        ("{op: test, path: /none, value: null}", "s", "str"),
        ("{op: test, path: /l, value: [1, 2, 3]}", "s", "str"),
        ("{op: replace, path: '', value: {s: new}}", "s", "new"),
    ],
)
def test_operation(operation: str, field: str, expected: str) -> None:
    """Each verb, with the places it may name."""
    before = copy.deepcopy(TARGET)
    assert json6902(TARGET, [read(operation)])[field] == (None if expected == "null" else read(expected))
    assert before == TARGET


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("{op: add, path: /l/4, value: 9}", "(add /l/4): index 4 is outside of the list"),
        ("{op: add, path: /l/x, value: 9}", "(add /l/x): 'x' is no index of a list"),
        ("{op: add, path: /no/x, value: 9}", "(add /no/x): there is no field 'no' on the way"),
        ("{op: add, path: /s/x, value: 9}", "(add /s/x): there is no mapping or list that could hold 'x'"),
        ("{op: add, path: '', value: {}}", "(add ): the empty path is the whole object, which can only be replaced"),
        ("{op: remove, path: /no}", "(remove /no): there is no field 'no' to remove"),
        ("{op: remove, path: /l/-}", "(remove /l/-): '-' is no index of a list"),
        ("{op: replace, path: /l/3, value: 9}", "(replace /l/3): index 3 is outside of the list"),
        ("{op: move, from: /no, path: /x}", "(move /x): there is no field 'no' to remove"),
        ("{op: move, path: /x}", "(move /x): needs a 'from' of text"),
        ("{op: copy, from: '', path: /x}", "(copy /x): the whole object can't be copied"),
        ("{op: test, path: /s, value: x}", "(test /s): the test fails: the object has another value there"),
        ("{op: test, path: /l, value: [1, 2.0, 3]}", "(test /l): the test fails: the object has another value there"),
        ("{op: test, path: /l/0, value: true}", "(test /l/0): the test fails: the object has another value there"),
        ("{op: test, path: /no/x, value: null}", "(test /no/x): there is no field 'no'"),
        ("{op: frob, path: /s}", "(frob /s): op must be one of add, remove, replace, move, copy, test"),
        ("{op: add, value: 1}", "(add None): needs a 'path' of text"),
        ("1", "( ): is no mapping with `op` and `path`"),
        ("{op: replace, path: '', value: 1}", "the operations leave no object"),
    ],
)
def test_refused(operation: str, message: str) -> None:
    """An operation that does not apply is named by its index, verb and path."""
    with pytest.raises(RenderError) as raised:
        json6902(TARGET, [{"op": "test", "path": "/s", "value": "str"}, read(operation)])
    assert str(raised.value) == (message if message.startswith("the op") else f"operation 1 {message}")


def test_values_are_not_quoted() -> None:
    """A failing test does not show the value it found, which may be a Secret's."""
    with pytest.raises(RenderError) as raised:
        json6902({"data": {"password": "hunter2"}}, [{"op": "test", "path": "/data/password", "value": "swordfish"}])
    assert "hunter2" not in str(raised.value)
    assert "swordfish" not in str(raised.value)


def test_unchanged_parts_are_shared() -> None:
    """Only what is on the way to a change is copied."""
    found = json6902(TARGET, [{"op": "add", "path": "/m/y", "value": 1}])
    assert found["l"] is TARGET["l"]
    assert found["m"] is not TARGET["m"]


names = st.sampled_from("abc")
documents = st.dictionaries(
    names,
    st.recursive(
        st.integers(0, 3) | names,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=8,
    ),
)
paths = st.lists(names | st.sampled_from(["0", "1", "2", "-"]), min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
operations = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy"]),
        "path": paths,
        "from": paths,
        "value": documents | names,
    }
)


@given(documents, st.lists(operations, max_size=4))
def test_agrees_with_the_standard(document: Any, patch: list[Any]) -> None:
    """What RFC 6902 lets through gives the same here."""
    before = json.dumps([document, patch])
    try:
        expected = jsonpatch.apply_patch(document, patch)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError):
        return
    assert json6902(document, patch) == expected
    assert json.dumps([document, patch]) == before
