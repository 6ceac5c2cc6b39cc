"""Strategic merge: targets and patches in, objects out. Each expectation is what kustomize 5.8 made of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.model.errors import LimitError, RenderError
from gitopsd.render.kustomize.patches import Schema, strategic_merge

SCHEMA = Schema.builtin()


def read(text: str) -> Any:
    """The value of one line of YAML, as a resource file holds it."""
    return load_documents(text.encode(), "t.yaml", Dialect.RESOURCE)[0]


def merged(kind: str, target: str, patch: str) -> Any:
    """What becomes of the fields of an object of this kind."""
    version, _, name = kind.rpartition(" ")
    head = {"apiVersion": version, "kind": name, "metadata": {"name": "x"}}
    before, change = head | read(target), head | read(patch)
    copies = copy.deepcopy((before, change))
    found = strategic_merge(before, change, SCHEMA)
    assert (before, change) == copies, "an input was mutated"
    return found and {key: value for key, value in found.items() if head.get(key) != value}


POD = "v1 Pod"
CUSTOM = "x.io/v1 Foo"

MERGES = [
    pytest.param(CUSTOM, "a: {b: 1, c: 2}", "a: {c: 3, d: 4}", "a: {b: 1, c: 3, d: 4}", id="maps merge"),
    pytest.param(CUSTOM, "a: {b: 1, c: 2}", "a: {b: null}", "a: {c: 2}", id="null deletes"),
    pytest.param(CUSTOM, "a: {b: null}", "c: 1", "{a: {b: null}, c: 1}", id="a null of the target stays"),
    pytest.param(CUSTOM, "{a: {b: }, d: }", "c: 1", "{a: {}, c: 1}", id="a key without value goes"),
    pytest.param(CUSTOM, "a: 1", "b: {c: null, d: 1}", "{a: 1, b: {d: 1}}", id="nulls in new maps vanish"),
    pytest.param(CUSTOM, "a: [1, 2]", "a: [3, null, {b: null}]", "a: [3, null, {b: null}]", id="other lists are replaced"),
    pytest.param(CUSTOM, "s: [{name: a, x: 1}]", "s: [{name: a}]", "s: [{name: a}]", id="without a schema no list merges"),
    pytest.param(CUSTOM, "a: {b: 1, c: 2}", "a: {$patch: replace, d: 1}", "a: {d: 1}", id="replace a map"),
    pytest.param(CUSTOM, "{a: {b: 1}, c: 1}", "a: {$patch: delete}", "c: 1", id="delete a map"),
    pytest.param(CUSTOM, "a: {b: 1}", "a: {$patch: merge, c: 1}", "a: {b: 1, c: 1}", id="merge is the default"),
    pytest.param(CUSTOM, "a: 1", "$patch: replace\nb: 2", "a: 1", id="replacing the object does nothing"),
    pytest.param(CUSTOM, "a: '1'", "a: 2", "a: '2'", id="a number over quotes is a string"),
    pytest.param(CUSTOM, "a: text", "a: 2", "a: 2", id="a number over plain text is a number"),
    pytest.param(
        POD,
        "spec: {containers: [{name: a, image: a}, {name: b, image: b}, {name: c, image: c}]}",
        "spec: {containers: [{name: n}, {name: c, image: C}, {name: a, tty: true}]}",
        "spec: {containers: [{name: n}, {name: c, image: C}, {name: a, image: a, tty: true}, {name: b, image: b}]}",
        id="the patch's items come first",
    ),
    pytest.param(
        POD,
        "spec: {containers: [{name: a}, {name: b}]}",
        "spec: {containers: [{name: a, $patch: delete}, {name: q, $patch: delete}]}",
        "spec: {containers: [{name: b}]}",
        id="delete an item",
    ),
    pytest.param(
        POD,
        "spec: {containers: [{name: a, tty: true}]}",
        "spec: {containers: [{name: a, image: x, $patch: replace}, {name: b, $patch: replace}]}",
        "spec: {containers: [{name: a, tty: true}, {name: b}]}",
        id="replacing an item that is there does nothing",
    ),
    pytest.param(
        POD,
        "spec: {containers: [{name: a}]}",
        "spec: {containers: [{name: n}, {$patch: replace}]}",
        "spec: {containers: [{name: n}]}",
        id="replace a list",
    ),
    pytest.param(
        POD, "spec: {containers: [{name: a}]}", "spec: {containers: [{$patch: delete}]}", "spec: {}", id="delete a list"
    ),
    pytest.param(
        POD,
        "spec: {containers: [{name: a}]}",
        "spec: {containers: []}",
        "spec: {containers: [{name: a}]}",
        id="an empty list adds nothing",
    ),
    pytest.param(
        POD,
        "spec: {containers: [{name: a, env: [{name: X, value: '1'}, {name: Y}]}]}",
        "spec: {containers: [{name: a, env: [{name: X, value: null, valueFrom: {v: 1}}]}]}",
        "spec: {containers: [{name: a, env: [{name: X, valueFrom: {v: 1}}, {name: Y}]}]}",
        id="lists in items",
    ),
    pytest.param(
        POD,
        "spec: {volumes: [{name: v, emptyDir: {}}]}",
        "spec: {volumes: [{name: v, emptyDir: null, configMap: {name: c}}]}",
        "spec: {volumes: [{name: v, configMap: {name: c}}]}",
        id="volumes merge, their strategy is merge,retainKeys",
    ),
    pytest.param(
        "v1 Service",
        "spec: {ports: [{port: 80, protocol: TCP, name: a}, {port: 80, protocol: UDP}]}",
        "spec: {ports: [{port: 81, protocol: TCP}, {port: 80, protocol: UDP, name: u}]}",
        "spec: {ports: [{port: 81, protocol: TCP}, {port: 80, protocol: TCP, name: a}, {port: 80, protocol: UDP, name: u}]}",
        id="with two keys the target's order stays",
    ),
    pytest.param(
        "v1 Service",
        "spec: {ports: [{port: 80, name: a}]}",
        "spec: {ports: [{port: '80', nodePort: 1}]}",
        "spec: {ports: [{port: '80', name: a, nodePort: 1}]}",
        id="keys are compared by their text",
    ),
    pytest.param(
        "v1 Service",
        "spec: {ports: [{port: 9, protocol: TCP}]}",
        "spec: {ports: [{port: 1, e: 1}]}",
        "spec: {ports: [{port: 1, e: 1}, {port: 9, protocol: TCP}]}",
        id="an item that lacks its second key",
    ),
    pytest.param(
        "v1 Service",
        "spec: {ports: [{port: 80, protocol: TCP}]}",
        "spec: {ports: [{port: 80, name: y}]}",
        "spec: {ports: [{port: 80, protocol: TCP}]}",
        id="a patch without the protocol is lost",
    ),
    pytest.param(
        POD,
        "spec: {containers: [{name: a, image: a}, {image: b}]}",
        "spec: {containers: [{image: nokey}, {name: a, tty: true}]}",
        "spec: {containers: [{image: b}]}",
        id="an item without its key pushes all others out",
    ),
    pytest.param(
        POD,
        "spec: {containers: [{name: a, image: one}, {name: a, image: two}]}",
        "spec: {x: 1}",
        "spec: {x: 1, containers: [{name: a, image: two}]}",
        id="of two items with one key the last stays",
    ),
    pytest.param(
        POD,
        "metadata: {name: x, finalizers: [a, b, c]}",
        "metadata: {name: x, finalizers: [q, b]}",
        "metadata: {name: x, finalizers: [q, b, a, c]}",
        id="plain values are a set",
    ),
    pytest.param(
        POD,
        "spec: {s: {a: 1}}",
        "spec: {s: {$retainKeys: [b], b: 1}, $setElementOrder/x: [1]}",
        "spec: {s: {a: 1, b: 1, $retainKeys: [b]}, $setElementOrder/x: [1]}",
        id="the API server's other directives are ordinary fields",
    ),
    pytest.param(
        CUSTOM,
        "t: {apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: a}]}}",
        "t: {apiVersion: v1, kind: Pod, spec: {containers: [{name: a, tty: true}]}}",
        "t: {apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: a, tty: true}]}}",
        id="an object inside another has its own schema",
    ),
]


@pytest.mark.parametrize(("kind", "target", "patch", "expected"), MERGES)
def test_merge(kind: str, target: str, patch: str, expected: str) -> None:
    """The object is what kustomize makes of it."""
    assert merged(kind, target, patch) == read(expected)


def test_delete_object() -> None:
    """A patch can delete the whole object."""
    assert merged(CUSTOM, "a: 1", "$patch: delete") is None


@pytest.mark.parametrize(
    ("target", "patch", "message"),
    [
        ("spec: {x: {a: 1}}", "spec: {x: 1}", "spec.x: the patch has a scalar, but the object a mapping"),
        ("spec: {x: 1}", "spec: {x: [1]}", "spec.x: the patch has a list, but the object a scalar"),
        ("spec: {x: {a: 1}}", "spec: {x: {$patch: foo}}", "spec.x: unknown patch strategy 'foo'"),
        (
            "spec: {containers: [{name: a, env: {}}]}",
            "spec: {containers: [{name: a, env: []}]}",
            "spec.containers.[a].env: the patch has a list, but the object a mapping",
        ),
    ],
)
def test_refused(target: str, patch: str, message: str) -> None:
    """Kinds of values that don't go together are named with their path."""
    with pytest.raises(RenderError) as raised:
        merged(POD, target, patch)
    assert str(raised.value) == message


def test_irregular_lists_are_bounded() -> None:
    """Items that share a key take quadratic time in kustomize; here there is a limit."""
    items = ", ".join("{name: a}" for _ in range(2000))
    with pytest.raises(LimitError, match=r"spec\.containers: more than 1000 items"):
        merged(POD, f"spec: {{containers: [{items}]}}", "spec: {x: 1}")


def test_unchanged_parts_are_shared() -> None:
    """What a patch leaves alone is the same object as before."""
    target = read(
        "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: a}, {name: b}], volumes: [{name: v}]}}"
    )
    found = strategic_merge(target, read("{spec: {containers: [{name: a, tty: true}]}}"), SCHEMA)
    assert found is not None
    assert found["metadata"] is target["metadata"]
    assert found["spec"]["volumes"] is target["spec"]["volumes"]
    assert found["spec"]["containers"][1] is target["spec"]["containers"][1]
    assert strategic_merge(target, {}, SCHEMA) is target


names = st.sampled_from("abcde")
scalars = st.none() | st.booleans() | st.integers(0, 9) | names
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)
containers = st.lists(
    st.fixed_dictionaries({"name": names}, optional={"image": names, "env": st.lists(st.fixed_dictionaries({"name": names}))}),
    max_size=4,
    unique_by=lambda item: item["name"],
)
pods = st.fixed_dictionaries(
    {"apiVersion": st.just("v1"), "kind": st.just("Pod"), "spec": st.fixed_dictionaries({"containers": containers})},
    optional={"a": values, "b": values},
)


@given(pods, pods)
def test_properties(target: Any, patch: Any) -> None:
    """Nothing is mutated, a second application changes no more, and JSON goes in and out."""
    before = json.dumps([target, patch])
    try:
        once = strategic_merge(target, patch, SCHEMA)
        assert once is not None
        assert strategic_merge(once, patch, SCHEMA) == once
        assert {item["name"] for item in once["spec"]["containers"]} == {
            item["name"] for pod in (target, patch) for item in pod["spec"]["containers"]
        }
    except RenderError:
        pass
    assert json.dumps([target, patch]) == before
