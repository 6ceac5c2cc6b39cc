"""What a plain (unquoted) YAML scalar means, in each of the dialects that Kubernetes' tools speak.

YAML has several truths: in a resource file kubectl reads `yes`, `on`, `y` as booleans and kustomize reads them as strings;
kustomize's own files are read with YAML 1.1's booleans. All of them read `012` as 10 and `1_000` as 1000, print `1.0` as 1, and
leave `1e400` a string. The rules are those of the two YAML libraries behind sigs.k8s.io/yaml and kyaml, each tried
against `kubectl kustomize` and `kubectl annotate --local`.

kustomize keeps the text of a scalar while it works on it: a replacement that puts the value `1.10` between two delimiters
puts `1.10`, though the number itself prints as `1.1`. So a value whose own text would differ from what was written is a
`SpelledInt`, `SpelledFloat` or `SpelledStr`: it equals and encodes as its JSON value and remembers its spelling.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, Self, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_MEMO_ENTRIES = 8192
_MEMO_LENGTH = 64

_INT64_MIN, _INT64_MAX, _UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1


class ScalarError(ValueError):
    """A scalar that has no JSON value, or is no key of a JSON object."""


class SpelledInt(int):
    """An integer that was written another way: `012`, `0x1F`, `1_000`, `1.0`, `1e3`."""

    text: str

    def __new__(cls, value: int, text: str) -> Self:
        """`text` is the spelling in the file."""
        self = super().__new__(cls, value)
        self.text = text
        return self

    def __getnewargs__(self) -> tuple[int, str]:  # type: ignore[override]  # copy and pickle take any arguments of __new__
        """For copies and pickles."""
        return int(self), self.text


class SpelledFloat(float):
    """A number that was written another way than its shortest form: `1.10`, `.5`, `1e-3`."""

    text: str

    def __new__(cls, value: float, text: str) -> Self:
        """`text` is the spelling in the file."""
        self = super().__new__(cls, value)
        self.text = text
        return self

    def __getnewargs__(self) -> tuple[float, str]:  # type: ignore[override]  # as above
        """For copies and pickles."""
        return float(self), self.text


class SpelledStr(str):
    """A string that was written another way: kustomize prints the date `2001-01-01` as `2001-01-01T00:00:00Z`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, value: str, text: str) -> Self:
        """`text` is the spelling in the file."""
        self = super().__new__(cls, value)
        self.text = text
        return self

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # as above
        """For copies and pickles."""
        return str(self), self.text


class Sparse(dict[str, Any]):
    """A mapping with keys that have no value at all (`key:`), in a resource file.

    The value is null as if it were written, but kustomize's merges keep a written null and drop a `blank` one.
    """

    __slots__ = ("blank",)
    blank: frozenset[str]

    def __init__(self, values: dict[str, Any], blank: frozenset[str]) -> None:
        """`blank` are keys of `values`."""
        super().__init__(values)
        self.blank = blank

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Any], frozenset[str]]]:
        """For copies and pickles."""
        return type(self), (dict(self), self.blank)


Spelled = (SpelledInt, SpelledFloat, SpelledStr)
_WORDS = {True: "true", False: "false", None: "null"}


def text_of(value: Scalar) -> str:
    """The text of a scalar as it stood in its file; what kustomize puts where it needs a string."""
    if isinstance(value, Spelled):
        return value.text
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return repr(value)


def plain(value: Any) -> Any:
    """`value` with ordinary strings and numbers in place of spelled ones; parts that hold none are shared, not copied."""
    if isinstance(value, dict):
        changed = {key: new for key, old in value.items() if (new := plain(old)) is not old}
        return {**value, **changed} if changed else value
    if isinstance(value, list):
        items = [plain(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, Spelled):
        return value.__getnewargs__()[0]
    return value


class Dialect(Enum):
    """Whose reading of YAML is meant."""

    KUSTOMIZATION = "kustomization"
    """kustomize's own files: YAML 1.1 booleans, keys become strings, the last of two equal keys wins."""

    RESOURCE = "resource"
    """Resource files as kustomize reads them: only true and false are booleans, keys are strings and unique."""

    KUBECTL = "kubectl"
    """Resource files as kubectl and Argo CD read them: as KUSTOMIZATION; integers beyond 64 bits with sign are floats."""


_CORE_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_YAML11_WORDS: dict[str, Scalar] = {
    **_CORE_WORDS,
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_NOT_JSON = frozenset(sign + word for word in (".inf", ".Inf", ".INF") for sign in ("", "+", "-")) | {".nan", ".NaN", ".NAN"}

_INT = re.compile(r"([-+]?)(?:0[bB]([01]+)|0[oO]?([0-7]+)|0[xX]([0-9a-fA-F]+)|([1-9][0-9]*|0))")
_BASES = (2, 8, 16, 10)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TIME = r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]+))?"
_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_TIMESTAMP = re.compile(
    rf"([0-9]{{4}})-([0-9]{{1,2}})-([0-9]{{1,2}})(?:[Tt]{_TIME}(Z|[-+][0-9]{{2}}:[0-9]{{2}})| {_TIME})?",
)


def _integer(text: str) -> int | None:
    if not (match := _INT.fullmatch(text)):
        return None
    sign, *digits = match.groups()
    magnitude = next(int(part, base) for part, base in zip(digits, _BASES, strict=True) if part)
    value = -magnitude if sign == "-" else magnitude
    return value if _INT64_MIN <= value <= (_INT64_MAX if sign else _UINT64_MAX) else None


def _number(text: str) -> int | float | None:
    """The number that `text` spells; integral floats within 64 bits are integers, as they are once they passed JSON."""
    digits = text.replace("_", "") if text[0] != "." else text
    if len(digits) > _MEMO_LENGTH * 16:  # no number has a thousand digits, and converting one takes quadratic time
        return None
    value: float | None = _integer(digits)
    if value is None:
        if not _FLOAT.fullmatch(digits):
            return None
        value = float(digits)
        if math.isinf(value):
            return None
        if value.is_integer() and _INT64_MIN <= value < _UINT64_MAX:
            value = int(Decimal(repr(value)))  # JSON's shortest text of it, which need not be the float's exact value
    if isinstance(value, int):
        return value if str(value) == text else SpelledInt(value, text)
    return value if repr(value) == text else SpelledFloat(value, text)


def _timestamp(text: str) -> SpelledStr | str | None:
    """A timestamp in the one form in which it leaves kustomize (RFC 3339, UTC where no zone is given)."""
    if not (match := _TIMESTAMP.fullmatch(text)):
        return None
    year, month, day, *rest = match.groups()
    zoned, zone, naive = rest[:4], rest[4], rest[5:]
    hour, minute, second, fraction = zoned if zone else naive
    try:
        moment = dt.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001 - the zone is text here
    except ValueError:
        return None
    digits = (fraction or "")[:9].rstrip("0")
    offset = "Z" if zone in {None, "Z", "+00:00", "-00:00"} else zone
    value = moment.isoformat() + (f".{digits}" if digits else "") + offset
    return value if value == text else SpelledStr(value, text)


class _Values(dict[str, Scalar]):
    """The value of each plain scalar: a memo over one dialect's rules, since the same few words fill all manifests."""

    def __init__(self, words: dict[str, Scalar], *, timestamps: bool, unsigned: bool) -> None:
        super().__init__(words)
        self._words = words
        self._timestamps = timestamps
        self._unsigned = unsigned

    def __missing__(self, text: str) -> Scalar:
        value = self._resolve(text)
        if len(text) <= _MEMO_LENGTH:
            if len(self) > _MEMO_ENTRIES:
                self.clear()
                self.update(self._words)
            self[text] = value
        return value

    def _resolve(self, text: str) -> Scalar:
        if text[0] not in "+-.0123456789":
            return text
        if text in _NOT_JSON:
            message = f"{text} is no number that JSON can hold; quote it if a string is meant"
            raise ScalarError(message)
        if self._timestamps and (moment := _timestamp(text)) is not None:
            return moment
        value = _number(text)
        if value is None:
            return text
        return value if self._unsigned or value <= _INT64_MAX else float(value)


class Rules(NamedTuple):
    """How one dialect reads scalars and mappings.

    `values[text]` is the value of the plain scalar `text` (raises ScalarError where JSON has none). `unique` refuses
    equal keys in a mapping, and non-string keys below the first level; otherwise the last one wins and keys become text.
    """

    values: dict[str, Scalar]
    unique: bool


RULES = {
    Dialect.KUSTOMIZATION: Rules(_Values(_YAML11_WORDS, timestamps=False, unsigned=True), unique=False),
    Dialect.RESOURCE: Rules(_Values(_CORE_WORDS, timestamps=True, unsigned=True), unique=True),
    Dialect.KUBECTL: Rules(_Values(_YAML11_WORDS, timestamps=False, unsigned=False), unique=False),
}


def reads_as_string(text: str) -> bool:
    """Whether every reader of YAML takes the plain scalar `text` for a string; if not, it is written in quotes."""
    if text in _YAML11_WORDS or text in _NOT_JSON:
        return False
    if text[0] not in "0123456789+-.":
        return True
    return not (_BASE60.fullmatch(text) or _TIMESTAMP.fullmatch(text)) and _number(text) is None
