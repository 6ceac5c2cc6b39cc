from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from gitopsd.model.app import AppKey
from gitopsd.model.plan import Action, FieldChange
from gitopsd.model.record import Condition, ObjectResult, Phase, ResultStatus, SyncRecord, SyncStatus, Trigger, TriggerKind
from gitopsd.model.refs import ObjectRef
from gitopsd.model.source import Commit
from gitopsd.observe import configure_logging, log_record

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RECORD = SyncRecord(
    AppKey("argocd", "web"),
    Trigger(TriggerKind.MANUAL, actor="ann"),
    Phase.SUCCEEDED,
    "1 object configured",
    NOW,
    NOW + timedelta(seconds=1.5),
    id="7",
    attempted=True,
    commits=(Commit("4f0c" * 10),),
    sync=SyncStatus.SYNCED,
    results=(
        ObjectResult(
            ObjectRef("", "Secret", "web", "s"),
            Action.CONFIGURE,
            ResultStatus.SYNCED,
            changes=(FieldChange("data.a", "HUSH", "HUSH"),),
        ),
    ),
)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged; the process's own logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """The JSON lines of a stream."""
    return [json.loads(text) for text in stream.getvalue().splitlines()]


def log_failure() -> None:
    """Logs an exception whose message and whose frame know a secret."""
    secret = "HUSH".lower().upper()
    try:
        raise ValueError(f"https://bot:{secret}@h")  # noqa: TRY301 - to be caught here is its purpose
    except ValueError:
        structlog.get_logger().exception("failed")


def test_record_is_one_line(stream: io.StringIO) -> None:
    """A sync is one line that says what, why, who, and how it ended; what there is nothing to say of is left out."""
    configure_logging("info", "json", stream)
    log_record(RECORD)
    (line,) = lines(stream)
    assert line.pop("time")
    assert line == {
        "event": "sync",
        "level": "info",
        "application": "argocd/web",
        "phase": "Succeeded",
        "trigger": "manual",
        "actor": "ann",
        "revision": "4f0c4f0c4f0c",
        "sync": "Synced",
        "health": "Unknown",
        "message": "1 object configured",
        "id": "7",
        "synced": 1,
        "seconds": 1.5,
    }


@pytest.mark.parametrize(
    ("record", "level"),
    [
        (RECORD, "info"),
        (replace(RECORD, attempted=False), "debug"),
        (replace(RECORD, phase=Phase.FAILED), "warning"),
        (replace(RECORD, phase=Phase.ERROR, attempted=False, conditions=(Condition("RenderError", "x"),)), "error"),
    ],
)
def test_level(stream: io.StringIO, record: SyncRecord, level: str) -> None:
    """Attempts are information, failures warnings or errors, and a mere look is for debugging."""
    configure_logging("debug", "json", stream)
    log_record(record)
    assert [line["level"] for line in lines(stream)] == [level]


def test_level_is_a_bound(stream: io.StringIO) -> None:
    """What is below the configured level is not written."""
    configure_logging("warning", "json", stream)
    log_record(RECORD)
    logging.getLogger("uvicorn").info("started")
    assert stream.getvalue() == ""


def test_lines_of_libraries_look_alike(stream: io.StringIO) -> None:
    """What libraries log through the standard library takes the same way out."""
    configure_logging("info", "json", stream)
    logging.getLogger("uvicorn").warning("listening on %s", "127.0.0.1")
    (line,) = lines(stream)
    assert (line["event"], line["level"]) == ("listening on 127.0.0.1", "warning")


def test_nothing_secret_is_written(stream: io.StringIO) -> None:
    """Values of fields are never in a line, and what looks like a credential is taken out wherever it stands."""
    configure_logging("debug", "json", stream)
    log_record(replace(RECORD, message="fetch https://bot:HUSH@git.example.com/ops failed"))
    logging.getLogger("git").error("Authorization: Bearer %s", "HUSH" * 8)
    structlog.get_logger().info("x", nested={"urls": ["https://HUSH@h/r"]}, text=("ssh://git:HUSH@h",))
    log_failure()
    assert "HUSH" not in stream.getvalue()
    assert len(lines(stream)) == 4


def test_console_shows_tracebacks_without_values(stream: io.StringIO) -> None:
    """The console is no place for credentials either, nor for the values of variables."""
    configure_logging("debug", "console", stream)
    log_failure()
    assert "ValueError: https://h" in stream.getvalue()
    assert "HUSH" not in stream.getvalue()


@pytest.mark.parametrize(("style", "is_json"), [("json", True), ("console", False), ("auto", True)])
def test_style(stream: io.StringIO, style: str, is_json: bool) -> None:
    """Machines read JSON, people the console; `auto` is JSON where there is no terminal."""
    configure_logging("info", style, stream)
    log_record(RECORD)
    assert stream.getvalue().startswith("{") is is_json


def test_timers_and_starts_of_libraries_are_not_told(stream: io.StringIO) -> None:
    """A line for each run of each timer, and for each statement of a migration, would bury everything else."""
    configure_logging("debug", "json", stream)
    logging.getLogger("apscheduler.executors.default").info("Running job")
    logging.getLogger("apscheduler.scheduler").warning("skipped: maximum number of running instances reached")
    logging.getLogger("alembic.runtime.migration").info("Context impl")
    logging.getLogger("uvicorn.error").info("Started server process")
    assert stream.getvalue() == ""
