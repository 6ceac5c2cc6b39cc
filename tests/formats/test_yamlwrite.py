"""YAML as kustomize prints it: the same bytes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.formats.yamlwrite import by_libyaml, dump, go_float, sort_keys

SHARED = Path(os.environ.get("GITOPSD_SHARED") or Path(__file__).parents[2].parent / "shared")
CASES = SHARED / "conformance" / "kustomize"


def test_layout() -> None:
    """Keys are sorted, lists stand at their key's column, and text with lines is a block."""
    documents = [
        {"kind": "A", "b": [{"c": 1, "a": [[2, []], {}]}], "apiVersion": "v1", "t": "x\ny\n"},
        {"a": None, "n": True, "1": 1.5, "e": ""},
    ]
    assert dump(documents) == (
        "apiVersion: v1\nb:\n- a:\n  - - 2\n    - []\n  - {}\n  c: 1\nkind: A\nt: |\n  x\n  y\n---\n"
        '"1": 1.5\na: null\ne: ""\n"n": true\n'
    )
    assert dump([]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1", '"1"'),
        ("yes", '"yes"'),
        ("1:30", '"1:30"'),
        ("2001-01-01", '"2001-01-01"'),
        ("0b1", '"0b1"'),
        (".inf", '".inf"'),
        ("1e400", "1e400"),
        ("a: b", "'a: b'"),
        ("*a", "'*a'"),
        ("a'b", "a'b"),
        ("a\tb", '"a\\tb"'),
        ("日本", "日本"),
        ("x \ny", '"x \\ny"'),
        ("-", "'-'"),
        (" a", "' a'"),
    ],
)
def test_quotes(value: str, text: str) -> None:
    """A string is quoted where any reader of YAML would take it for something else, or YAML needs it."""
    assert dump([{"k": value}]) == f"k: {text}\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (123456.5, "123456.5"),
        (1234567.5, "1.2345675e+06"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (-0.00001, "-1e-05"),
        (0.0001, "0.0001"),
        (0.0, "0"),
    ],
)
def test_floats(value: float, text: str) -> None:
    """Floats are written as Go writes them."""
    assert go_float(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back(value: float) -> None:
    """What Go would write is the same number."""
    assert float(go_float(value)) == value


def test_order_of_keys() -> None:
    """Digits go by their number, letters after other signs."""
    assert sort_keys(["a10", "a2", "a-b", "ab", "a", "B", "1", "10", "2", "é"]) == [
        "1",
        "2",
        "10",
        "B",
        "a",
        "a-b",
        "a2",
        "a10",
        "ab",
        "é",
    ]


FLOATS = st.floats(-(2.0**53), 2.0**53)  # past these an integral float has no exact text
texts = st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"], whitelist_characters="\n\t"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | FLOATS | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_read_back(value: Any) -> None:
    """Whatever is written reads back as the same value, in every dialect."""
    document = {"value": value}
    for dialect in Dialect:
        assert load_documents(dump([document]).encode(), "f", dialect) == [document]


@pytest.mark.skipif(not CASES.is_dir(), reason="the conformance cases are not here")
def test_kustomize_output() -> None:
    """All outputs of kustomize's own tests come out with the same bytes."""
    for case in CASES.glob("*.json"):
        expected = json.loads(case.read_text())["expected"]
        if expected:
            assert dump(load_documents(expected.encode(), case.name, Dialect.RESOURCE)) == expected


_LETTERS = st.text("ab0-:. #,/=_@+'\"\\\n\té|>&*[]{}", max_size=90)
_TEXTS = _LETTERS | st.sampled_from(
    ["yes", "012", "1e3", "a: b", "a #b", "- a", "a:", "2001-01-01", "---", "a" * 130, "a b " * 30]
)
_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(_TEXTS, _TREES, max_size=3) | _TREES)
def test_the_short_way_writes_the_same(value: Any) -> None:
    """What is written without libyaml is what libyaml writes."""
    assert dump([value]) == by_libyaml(value)
