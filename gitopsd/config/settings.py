"""What an application says of itself in annotations under `gitopsd.dev/`, over the `defaults` of the configuration.

The fields of `Defaults` are the one list of them: `health_timeout` is the annotation `gitopsd.dev/health-timeout`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from gitopsd.config.analysis import ANALYSIS, analysis_findings, read_analysis
from gitopsd.config.documents import ConfigErrors, Document, did_you_mean
from gitopsd.config.model import Defaults
from gitopsd.config.validate import validate
from gitopsd.model.analysis import Analysis, Configured
from gitopsd.model.app import ANNOTATION_PREFIX, SKIP_RECONCILE, App
from gitopsd.model.wire import wire_name

ANNOTATIONS: Mapping[str, str] = {ANNOTATION_PREFIX + name.replace("_", "-"): name for name in Defaults.model_fields}
"""The fields of `Defaults` by annotation."""
_ADOPT = f"{ANNOTATION_PREFIX}adopt"
_DEPENDS_ON = f"{ANNOTATION_PREFIX}depends-on"
_WITHOUT_DEFAULT = frozenset({_ADOPT, _DEPENDS_ON, ANALYSIS, *SKIP_RECONCILE})
"""What an application can only say itself."""


@cache
def _adapter() -> TypeAdapter[Defaults]:
    return TypeAdapter(Defaults)


def settings(app: App, defaults: Defaults) -> Defaults:
    """The defaults, with what the application's annotations say in their place; raises ConfigErrors where one is wrong."""
    own = {ANNOTATIONS[name]: value for name, value in app.annotations.items() if name in ANNOTATIONS}
    if not own:
        return defaults
    read = _read({wire_name(field): value for field, value in own.items()}, app.origin)
    return defaults.model_copy(update={field: getattr(read, field) for field in own})


def adopts(app: App) -> bool:
    """Whether the application asks for what others own. Nobody can ask for all applications at once: there is no default."""
    return app.annotations.get(_ADOPT) == "true"


def dependencies(app: App) -> tuple[str, ...]:
    """The names (or `namespace/name`) of the applications that it depends on."""
    return tuple(name.strip() for name in app.annotations.get(_DEPENDS_ON, "").split(",") if name.strip())


def analysis(app: App) -> Analysis | Configured | None:
    """What is measured after its syncs, if anything; raises ConfigError."""
    text = app.annotations.get(ANALYSIS)
    return read_analysis(text) if text else None


def wrong_settings(annotations: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each annotation of ours whose value is not acceptable, and why."""
    for name, field in ANNOTATIONS.items():
        if name in annotations:
            try:
                _read({wire_name(field): annotations[name]}, "")
            except ConfigErrors as invalid:
                yield name, invalid.errors[0].message
    if isinstance(text := annotations.get(ANALYSIS), str):
        yield from ((ANALYSIS, message) for message in analysis_findings(text))


def unknown_settings(annotations: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each annotation that looks like ours and means nothing."""
    for name in annotations:
        if name.startswith(ANNOTATION_PREFIX) and name not in _WITHOUT_DEFAULT | ANNOTATIONS.keys():
            yield name, f"is no annotation that gitopsd knows{did_you_mean(name, list(ANNOTATIONS))}"


def _read(values: Mapping[str, Any], origin: str) -> Defaults:
    return validate(_adapter(), Document(origin, values), ())
