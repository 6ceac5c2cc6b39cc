"""Structured logs: one line for each pass that is worth one, derived from its record.

A line of the standard library's logging (uvicorn's, SQLAlchemy's) takes the same way out, so that all lines look alike and none
escapes the redaction at its end.
"""

from __future__ import annotations

import logging
import sys
from typing import IO, Any

import structlog

from gitopsd.model.record import Phase, ResultStatus, SyncRecord
from gitopsd.model.status import AppStatus
from gitopsd.observe.redact import redact_all

_LEVELS = {
    Phase.RUNNING: logging.DEBUG,
    Phase.TERMINATING: logging.INFO,
    Phase.SUCCEEDED: logging.INFO,
    Phase.FAILED: logging.WARNING,
    Phase.ERROR: logging.ERROR,
}
_QUIET = {"alembic": logging.WARNING, "apscheduler": logging.ERROR, "uvicorn": logging.WARNING}
"""Libraries that tell of each start and timer; APScheduler warns where a poll takes longer than its interval, as it may."""
_LOGGER = "gitopsd"
_SHORT = 12
"""Characters of a commit id in a line."""


def configure_logging(level: str, style: str, stream: IO[str] | None = None) -> None:
    """Sets up the logs of the process: `style` is json, console, or auto, which is console on a terminal."""
    stream = stream or sys.stderr
    console = style == "console" or (style == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    last: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # plainly: other formatters show the values of variables
        redaction,
        structlog.dev.ConsoleRenderer(colors=stream.isatty()) if console else structlog.processors.JSONRenderer(),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redaction(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """A processor of structlog that takes what looks like a credential out of every text of a line."""
    return {key: redact_all(value) for key, value in event.items()}


def log_record(record: SyncRecord, _status: AppStatus | None = None) -> None:
    """Logs a finished pass: an attempt as information, a failure as a warning or an error, a mere look for debugging."""
    level = _LEVELS[record.phase] if record.attempted or record.phase in (Phase.FAILED, Phase.ERROR) else logging.DEBUG
    if logging.getLogger(_LOGGER).isEnabledFor(level):  # a look makes no line mostly, and is not to cost one
        structlog.get_logger(_LOGGER).log(level, "sync" if record.attempted else "look", **line(record))


def line(record: SyncRecord) -> dict[str, Any]:
    """What a log line says of a record: names and counts, never the values of fields."""
    results = [result.status for result in record.results]
    said = {
        "application": str(record.app),
        "phase": record.phase.value,
        "trigger": record.trigger.kind.value,
        "actor": record.trigger.actor,
        "revision": record.revision[:_SHORT],
        "sync": record.sync.value,
        "health": record.health.status.value,
        "message": record.message,
        "id": record.id,
        "synced": results.count(ResultStatus.SYNCED),
        "pruned": results.count(ResultStatus.PRUNED),
        "failed": [str(result.ref) for result in record.results if result.status is ResultStatus.SYNC_FAILED][:10],
        "drifted": len(record.drifts),
        "conditions": [f"{condition.type}: {condition.message}" for condition in record.conditions],
        "seconds": round((record.finished - record.started).total_seconds(), 3) if record.finished else None,
    }
    return {key: value for key, value in said.items() if value not in ("", None, [], 0)}
