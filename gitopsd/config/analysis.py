"""The analysis that an application asks for: YAML in its annotation `gitopsd.dev/analysis`, or in a ConfigMap that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from gitopsd.config.documents import ConfigErrors, read_documents
from gitopsd.config.model import DnsLabel
from gitopsd.config.section import Section
from gitopsd.config.units import Duration
from gitopsd.config.validate import validate
from gitopsd.model.analysis import Analysis, Configured, Metric
from gitopsd.model.app import ANNOTATION_PREFIX
from gitopsd.model.errors import ConfigError
from gitopsd.plan.analysis import comparisons

ANALYSIS = f"{ANNOTATION_PREFIX}analysis"
KEY = "analysis.yaml"
"""Where it stands in a ConfigMap."""

_MOST = 20
"""Metrics of one analysis."""
_REFERENCE = re.compile(r"ConfigMap/([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)\s*")


def _condition(text: str) -> str:
    comparisons(text)
    return text


class _Metric(Section):
    """One query."""

    name: DnsLabel
    """What it is called where it is told of."""
    query: str = Field(min_length=1, max_length=8192)
    """PromQL that gives a number, or a vector of them."""
    condition: Annotated[str, AfterValidator(_condition)]
    """What has to hold for all of its numbers."""
    interval: Duration = Field(default=timedelta(minutes=1), ge=timedelta(seconds=1))
    """The time before each measurement."""
    count: int = Field(default=5, ge=1, le=1000)
    """How often it is measured."""
    failure_limit: int = Field(default=0, ge=0)
    """How many measurements may fail."""
    inconclusive_limit: int = Field(default=3, ge=0)
    """How many may give nothing before it is given up."""


def _some(metrics: tuple[_Metric, ...]) -> tuple[_Metric, ...]:
    if not 1 <= len(metrics) <= _MOST:
        raise ValueError(f"must be 1 to {_MOST} metrics")
    return metrics


class _Analysis(Section):
    """The whole."""

    metrics: Annotated[tuple[_Metric, ...], AfterValidator(_some)]
    """What is measured, all at once."""
    inconclusive: Literal["continue", "rollback"] = "continue"
    """What is done where nothing could be found out."""


_ADAPTER = TypeAdapter(_Analysis)


@lru_cache(maxsize=4096)
def read_analysis(text: str, origin: str = "") -> Analysis | Configured:
    """The analysis in an annotation, or the ConfigMap that it names (`ConfigMap/NAME`). Raises ConfigError with the place."""
    if reference := _REFERENCE.fullmatch(text.strip()):
        return Configured(reference[1])
    documents = read_documents(text.encode(), origin)
    if len(documents) != 1:
        raise ConfigError(f"must hold one YAML document with `metrics`, or ConfigMap/NAME; it holds {len(documents)}")
    read = validate(_ADAPTER, documents[0], ())
    names = [metric.name for metric in read.metrics]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise documents[0].error(("metrics", index, "name"), f"is the name of metrics[{names.index(name)}] too")
    return Analysis(tuple(_metric(one) for one in read.metrics), strict=read.inconclusive == "rollback")


def _metric(read: _Metric) -> Metric:
    seconds = read.interval.total_seconds()
    return Metric(read.name, read.query, read.condition, seconds, read.count, read.failure_limit, read.inconclusive_limit)


def analysis_findings(text: str) -> Iterator[str]:
    """What is wrong with it, each with line and field in the annotation."""
    try:
        read_analysis(text)
    except ConfigErrors as invalid:
        yield from (_inside(error) for error in invalid.errors)
    except ConfigError as error:
        yield _inside(error)


def _inside(error: ConfigError) -> str:
    place = error.place
    where = [f"line {place.line}" if place and place.line else "", place.field or "" if place else ""]
    return ": ".join([*filter(None, where), error.message])
