"""What an API server says when it says no, and how it becomes an error of ours."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from gitopsd.model.errors import IMMUTABLE, ObjectError
from gitopsd.model.refs import Object, ObjectRef

MAX_MESSAGE = 2000
"""Characters of the server's words that are passed on."""

HIDDEN = "<hidden>"

CONFLICT = "FieldManagerConflict"
_MANAGER = re.compile(r'conflict with "([^"]*)"')
_IMMUTABLE = re.compile(
    r"\bimmutable\b|may not be changed in an update|may not change once set|(updates to .*|may not change) fields other than"
)
"""How the server says that a field of a live object can't be changed, with the reason Invalid."""

_REASONS = (
    (re.compile(r"failed calling webhook|no endpoints available for service|failed to call webhook"), "WebhookUnavailable"),
    (
        re.compile(r"duplicate entries for key|field not declared in schema|failed to create typed patch object|unknown field"),
        "Invalid",
    ),
    (re.compile(r"exceeded quota|is forbidden: .*quota"), "QuotaExceeded"),
    (re.compile(r"because it is being terminated"), "NamespaceTerminating"),
    (re.compile(r"metadata\.uid: Invalid value|uid mismatch|UID in (the )?precondition"), "Replaced"),
)
"""Reasons by message, where the server's own say too little: it answers an unknown field with 500 and no reason."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that another manager holds; `field` is a path as the server writes it: `.spec.ports[port=80].name`."""

    manager: str
    field: str


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of ours
    """A Status that an API server answered with: never leaves this package (see `refused`).

    `reason` is the server's word, or ours where its own says too little.
    """

    def __init__(self, code: int, reason: str, message: str, conflicts: tuple[Conflict, ...] = ()) -> None:
        """As the server said it: the message may hold values of a Secret, until `on` has cut them out."""
        super().__init__(reason)
        self.conflicts = conflicts
        self.code = code
        self.reason = reason
        self.message = message

    def on(self, ref: ObjectRef, action: str, *sensitive: Object | None) -> ObjectError:
        """The error that leaves this package; values of Secrets among `sensitive` objects are cut out of the message."""
        message = scrubbed(self.message, (value for obj in sensitive if obj for value in secret_values(obj)))
        return ObjectError(ref, action, self.reason, message)


def parse_refusal(code: int, body: bytes) -> Refusal:
    """The refusal in an answer's body, whatever that is (a proxy may have written it)."""
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return Refusal(code, "UnexpectedAnswer", f"HTTP {code} without a Status of Kubernetes; is there a proxy in between?")
    message = str(status.get("message") or f"HTTP {code}")[:MAX_MESSAGE]
    causes = (status.get("details") or {}).get("causes") or ()
    conflicts = tuple(_conflict(cause) for cause in causes if isinstance(cause, dict) and cause.get("reason") == CONFLICT)
    return Refusal(code, CONFLICT if conflicts else _reason(str(status.get("reason") or ""), message), message, conflicts)


def _conflict(cause: dict[str, Any]) -> Conflict:
    manager = _MANAGER.search(str(cause.get("message")))
    return Conflict(manager[1] if manager else "", str(cause.get("field") or ""))


def _reason(reason: str, message: str) -> str:
    known = next((word for pattern, word in _REASONS if pattern.search(message)), "")
    immutable = reason == "Invalid" and _IMMUTABLE.search(message)
    return known or (IMMUTABLE if immutable else reason or "InternalError")


_PUBLIC = frozenset({"apiVersion", "kind", "metadata", "type", "immutable"})


def secret_values(obj: Object) -> Iterator[str]:
    """Every value in a Secret, encoded and decoded: under misspelt fields too, and in the copies that annotations hold."""
    if obj.get("kind") != "Secret" or obj.get("apiVersion") != "v1":
        return
    for name, part in obj.items():
        if name not in _PUBLIC:
            for value in _leaves(part):
                yield from _spellings(value)
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    yield from (
        value for key, value in annotations.items() if key.endswith("/last-applied-configuration") and isinstance(value, str)
    )


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield b64encode(value.encode()).decode()
    try:
        yield b64decode(value, validate=True).decode()
    except ValueError:
        return


def scrubbed(message: str, values: Iterable[str]) -> str:
    """`message` without any of `values`, the longest first; short ones only where they stand as words."""
    for value in sorted({value for value in values if value}, key=len, reverse=True):
        for spelling in {value, orjson.dumps(value).decode()[1:-1]}:
            pattern = re.escape(spelling)
            message = re.sub(pattern if len(value) > 3 else rf"(?<!\w){pattern}(?!\w)", HIDDEN, message)  # noqa: PLR2004
    return message
