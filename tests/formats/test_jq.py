"""Field paths in jq's words; the real jq is the judge."""

from __future__ import annotations

from typing import Any

import jq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.diff.ignore import without
from gitopsd.formats.jq import MAX_STEPS, JqError, compiled, places

DOCUMENT: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "web", "annotations": {"a.b/c": "x", "note": "y"}},
    "spec": {
        "replicas": 2,
        "paused": False,
        "containers": [
            {"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}, {"name": "B"}], "ports": [{"port": 80}]},
            {"name": "istio-proxy", "image": "proxy:2", "env": [], "ports": []},
        ],
        "limits": {"cpu": 1.5, "memory": None},
    },
}

EXPRESSIONS = (
    ".spec.replicas",
    '.metadata.annotations["a.b/c"]',
    '.metadata.annotations."a.b/c"',
    ".spec.containers[]",
    ".spec.containers[0].image",
    ".spec.containers[-1]",
    ".spec.containers[].env[]?.value",
    '.spec.containers[] | select(.name == "app") | .env[0]',
    '.spec.containers[] | select(.name | startswith("istio"))',
    '.spec.containers[] | select(.name != "app" and (.image | endswith(":2")))',
    ".spec.containers[] | select(.env | length > 1) | .ports",
    '.spec.containers[] | select(any(.env[]; .name == "B")) | .name, .image',
    '.spec.containers[] | select(all(.env[]; has("value"))) | .env',
    '.spec.containers[] | select(.image | contains("prox")).image',
    '.spec.containers[] | select(.name | IN("app", "other"))',
    ".spec.containers | first(.[])",
    ".. | .image?",
    ".spec | (.replicas, .paused)",
    "if .spec.paused then .spec.replicas else .metadata.name end",
    "if .spec.paused then .spec elif .spec.replicas >= 2 then .metadata.name else empty end",
    ".spec.absent // .metadata.name",
    ".spec.absent.deeper",
    ".spec.limits | select(.cpu < 2).memory",
    ".spec | select(.limits.memory == null) | .limits",
    '.metadata | select(.annotations | keys == ["a.b/c", "note"]) | .name',
    ".spec | select(.paused | not) | .replicas",
    '.spec | .[] | select(type == "number")',
    '.spec.containers[] | select("app" | inside("my app")) | .name',
    '.metadata | select(.name | ascii_downcase == "web") | .annotations[]',
    ".spec.containers[] | select(.ports[0].port == 80 or false).ports[0].port",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_names_what_jq_would_delete(expression: str) -> None:
    """What is left after taking the fields out is what jq's `del` leaves; emptied lists and maps aside."""
    assert _pruned(without(DOCUMENT, places(expression, DOCUMENT))) == _pruned(_deleted(expression, DOCUMENT))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", "ab", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
STEPS = st.sampled_from([".a", ".b", ".[]?", ".[0]?", ".[-1]?", "..", '.["c"]?', "select(.a?)", 'select(. == "a")'])


@given(VALUES, st.lists(STEPS, min_size=1, max_size=4))
def test_names_what_jq_would_delete_in_any_document(document: Any, steps: list[str]) -> None:
    """Wherever jq has an answer, ours is the same; where it stops with an error we may name what it had found by then."""
    expression = " | ".join(steps)
    try:
        expected = _deleted(expression, document)
    except ValueError:
        return
    found = places(expression, document)
    if () in found:
        assert expected is None
    elif found:
        assert _pruned(without(document, found)) == _pruned(expected)
    else:
        assert expected == document


def _deleted(expression: str, document: Any) -> Any:
    return jq.compile(f"del({expression})").input_value(document).first()


def _pruned(value: Any) -> Any:
    """Without maps and lists in which nothing is left, as nothing is lost with them."""
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    if isinstance(value, dict):
        inner = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item not in ([], {})}
    return value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "ends too early"),
        (".spec[0", '"]" is missing at the end'),
        ("(.spec", '")" is missing at the end'),
        (".spec .. replicas", '".." can\'t stand where it does'),
        (".a | ) b", '")" can\'t stand where it does'),
        ('.a | test("x+")', "test is not read here: a regular expression can run for ever"),
        ("map(.x)", "map is not read here: it makes a new list"),
        ("del(.x)", "del is not read here: an expression names what is ignored"),
        ("def f: f; f", "def is not read here"),
        (". as $x | .a", '"$x | .a" is no part of jq'),
        (".a = 1", '"= 1" is no part of jq that is read here'),
        (".a[1.5]", "1.5 is no index"),
        ('.a["\\(.b)"]', "is no text that is read here"),
        ("(" * 50 + "." + ")" * 50, "nests deeper than 40"),
        ("." * 5000, "has more than 4000 characters"),
        ("if .a then .b", '"end" is missing at the end'),
        (".a[-]", "a number is missing"),
        (".a[1:2]", '"]" is missing before ":"'),
        ("1 +", '"+" is no part of jq'),
    ],
)
def test_says_what_is_wrong(expression: str, why: str) -> None:
    """In words that name the part, and what to write instead where people often try it."""
    with pytest.raises(JqError) as error:
        compiled(expression)
    assert why in str(error.value)


def test_values_are_no_paths() -> None:
    """A comparison makes a value, and a value has no place."""
    with pytest.raises(JqError, match="names no field"):
        places(".spec.replicas == 2", DOCUMENT)


@pytest.mark.parametrize("expression", [".. | .. | ..", "[..] as", "select([..] | contains([..]))", ".. | select([..] == [..])"])
def test_work_is_bounded(expression: str) -> None:
    """An expression that multiplies is ended, and says so; none runs on."""
    wide = {"items": [{"n": [index] * 10} for index in range(MAX_STEPS // 20)]}
    with pytest.raises(JqError):
        places(expression, wide)
