"""The last line of defence against credentials in what is shown: URLs, wherever they stand in a text, lose their user info.

Whoever writes an error, a log line or a metric keeps secrets out of it; this is for the day when somebody forgets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_USER_INFO = re.compile(r"(?<=://)[^/\s@]*(?:@[^/\s@]*)*@")
_BEARER = re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9+/=._~-]{16,}")
_TOKENS = re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)")
_MASK = "***"


def redact(text: str) -> str:
    """The text without what looks like a credential."""
    text = _USER_INFO.sub("", text)
    text = _BEARER.sub(rf"\1 {_MASK}", text)
    return _TOKENS.sub(_MASK, text)


def redact_all(value: Any) -> Any:
    """The same for every text in a value made of mappings and sequences."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: redact_all(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(inner) for inner in value]
    return value
