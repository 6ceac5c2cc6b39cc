"""Records of any shape, for hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from gitopsd.model.app import AppKey, Backoff, Retry
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Action, FieldChange
from gitopsd.model.record import (
    Condition,
    ObjectResult,
    Phase,
    ResultStatus,
    SyncRecord,
    SyncStatus,
    Trigger,
    TriggerKind,
)
from gitopsd.model.refs import ObjectRef
from gitopsd.model.source import Commit

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
names = st.text("abc-.", min_size=1, max_size=8)
zones = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
local_moments = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
refs = st.builds(ObjectRef, texts, names, names, names)
changes = st.builds(FieldChange, texts, values, values, texts, texts, texts)
results = st.builds(
    ObjectResult,
    refs,
    st.sampled_from(Action),
    st.sampled_from(ResultStatus),
    texts,
    st.lists(changes, max_size=2).map(tuple),
    texts,
)
commits = st.builds(Commit, texts, texts, texts, st.none() | local_moments, texts)
triggers = st.builds(
    Trigger,
    st.sampled_from(TriggerKind),
    texts,
    texts,
    st.none() | st.booleans(),
    st.booleans(),
    st.booleans(),
    st.lists(texts, max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.none() | st.builds(Retry, st.integers(-1, 9), st.booleans(), st.builds(Backoff, texts, st.integers(1, 9), texts)),
    st.integers(0, 9),
)
apps = st.builds(AppKey, names, names)
records = st.builds(
    SyncRecord,
    app=apps,
    trigger=triggers,
    phase=st.sampled_from(Phase),
    message=texts,
    started=moments,
    finished=st.none() | moments,
    attempted=st.just(value=True),
    commits=st.lists(commits, max_size=2).map(tuple),
    arrived=st.none() | moments,
    desired_digest=texts,
    plan_digest=texts,
    sync=st.sampled_from(SyncStatus),
    health=st.builds(Health, st.sampled_from(HealthStatus), texts),
    stages=st.dictionaries(names, st.floats(0, 1e6), max_size=3),
    results=st.lists(results, max_size=4).map(tuple),
    conditions=st.lists(st.builds(Condition, texts, texts), max_size=2).map(tuple),
    warnings=st.lists(texts, max_size=2).map(tuple),
)
