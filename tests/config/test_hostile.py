"""Whatever stands in a file, the answer is a value or a ConfigError that names the file."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gitopsd.config import Cluster, load_config
from gitopsd.config.contents import read_contents
from gitopsd.model.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent
CLUSTERS = (Cluster(name="in-cluster", server="https://kubernetes.default.svc"),)
APPLICATION = yaml.safe_load((ROOT / "manifests/applications/monitor-app-prod.yaml").read_text()) | {"status": {}}
APPLICATION["spec"] |= {"syncPolicy": {"syncOptions": ["A=b"], "retry": {"backoff": {"duration": "5s"}}, "automated": {}}}
APPLICATION["metadata"]["annotations"] = {"gitopsd.dev/drift": "heal"}
CONFIG = yaml.safe_load((ROOT / "config.example.yaml").read_text())

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every way into a document."""
    found = [path]
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(inner, (*path, key))
    return found


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with `value` at `path`."""
    if not path:
        return value
    changed = copy.deepcopy(document)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"\xff\xfe\x00")
@example(b"? [a]\n: b")
@example(b"!!python/object/apply:os.system ['true']")
@example(b"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: !!binary HUSH}")
def test_any_bytes(content: bytes) -> None:
    """A file of any bytes gives its contents or problems that name it; reading never raises."""
    for problem in read_contents(content, "app.yaml", CLUSTERS).problems:
        assert str(problem).startswith("app.yaml")


@given(path=st.sampled_from(places(APPLICATION)), value=values)
def test_application_with_any_value_anywhere(path: tuple[Any, ...], value: Any) -> None:
    """An Application with something unexpected in any one place is taken or refused, with file, line and column."""
    contents = read_contents(json.dumps(replaced(APPLICATION, path, value)).encode(), "app.yaml", CLUSTERS)
    for problem in contents.problems:
        place = problem.error.place
        assert place is not None
        assert (place.file, place.line, bool(place.column)) == ("app.yaml", 1, True)


@given(path=st.sampled_from(places(CONFIG)), value=values)
def test_configuration_with_any_value_anywhere(tmp_path_factory: Any, path: tuple[Any, ...], value: Any) -> None:
    """Likewise for the configuration: loaded, or a ConfigError that names the file."""
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(json.dumps(replaced(CONFIG, path, value)))
    assert all(line.startswith(str(file)) for line in refusal(file).splitlines())


def refusal(file: Path) -> str:
    """What is said against a configuration, nothing where it is fine."""
    try:
        load_config(file, {})
    except ConfigError as error:
        return str(error)
    return ""
