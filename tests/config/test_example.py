"""config.example.yaml and docs/guide/configuration.md, held to the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from gitopsd.config import Config, check, load_config
from gitopsd.config.settings import ANNOTATIONS
from gitopsd.config.units import format_size
from gitopsd.formats.durations import format_duration
from gitopsd.model.wire import wire_name

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "config.example.yaml"
GUIDE = ROOT / "docs" / "guide" / "configuration.md"


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field below a model as `storage.retention.count`, with its default."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{wire_name(name)}"
        inner = next(iter(models_in(field.annotation)), None)
        yield path, field
        if inner is not None:
            yield from fields(inner, f"{path}.")


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from models_in(argument)


FIELDS = [path for path, _ in fields(Config)]


def test_example_is_right() -> None:
    """The example is a configuration without errors, and the applications that it names are there."""
    report = check(EXAMPLE)
    assert report.errors == ()
    assert report.applications > 0


@pytest.mark.parametrize("path", FIELDS)
def test_example_is_complete(path: str) -> None:
    """Every field stands in the example, if only in a comment."""
    assert re.search(rf"\b{path.rpartition('.')[2]}:", EXAMPLE.read_text())


def test_example_has_the_defaults() -> None:
    """What the example shows of sections without examples of their own is what holds when they are left out."""
    example, silent = load_config(EXAMPLE, {}), Config(apiVersion="gitopsd.dev/v1alpha1", kind="Config")
    own = {"clusters", "cluster_secrets", "repositories", "repository_secrets", "signatures", "applications", "health"}
    assert example.model_dump(exclude=own) == silent.model_dump(exclude=own)


@pytest.mark.parametrize("path", FIELDS)
def test_guide_is_complete(path: str) -> None:
    """Every field has its line in the guide, with its default and the words of its description."""
    field = dict(fields(Config))[path]
    assert f"| `{path}` | {default(path, field)} | {' '.join((field.description or '').split())} |" in GUIDE.read_text()


def default(path: str, field: FieldInfo) -> str:
    """A field's default as the guide shows it; sections and lists have none of their own."""
    if field.is_required():
        return "required"
    value = field.default
    if value in (None, "", ()) or isinstance(value, BaseModel | tuple):
        return ""
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    if path.lower().endswith("size"):
        return f"`{format_size(value)}`"
    return f"`{str(value).lower()}`"


def test_guide_knows_no_other_fields() -> None:
    """No line of the guide's tables is about a field that is gone."""
    described = re.findall(r"^\| `([\w.]+)` \|", GUIDE.read_text(), re.MULTILINE)
    assert set(described) == set(FIELDS)


@pytest.mark.parametrize("annotation", list(ANNOTATIONS))
def test_guide_names_annotations(annotation: str) -> None:
    """What an application may say of itself stands in the guide."""
    assert f"`{annotation}`" in GUIDE.read_text()


def test_guide_s_example_is_right(tmp_path: Path) -> None:
    """Each configuration in the guide can be used as it stands."""
    examples = [text for text in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "kind: Config\n" in text]
    assert examples
    for text in examples:
        (tmp_path / "config.yaml").write_text(text)
        load_config(tmp_path / "config.yaml", {})
