"""What plain scalars mean, in each dialect. Expected values are what kubectl 1.37 and its kustomize 5.8 printed for each."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.formats.scalars import (
    RULES,
    Dialect,
    ScalarError,
    SpelledFloat,
    SpelledInt,
    SpelledStr,
    plain,
    reads_as_string,
    text_of,
)

NUMBERS: list[tuple[str, Any]] = [
    ("012", 10),
    ("0o12", 10),
    ("-012", -10),
    ("+12", 12),
    ("0x1F", 31),
    ("-0X1f", -31),
    ("0b101", 5),
    ("1_000", 1000),
    ("0x_1F", 31),
    ("1e3", 1000),
    ("1E+3", 1000),
    ("1.0", 1),
    ("1.", 1),
    (".5", 0.5),
    ("1_0.5", 10.5),
    ("1.10", 1.1),
    ("-0.0", 0),
    ("08", 8),
    ("019", 19),
    ("9223372036854775807", 2**63 - 1),
    ("123456789012345678901234567890", 1.2345678901234568e29),
    ("1e21", 1e21),
    ("56_11094847969249863.687", 5611094847969250000),
]
STRINGS = [
    "0b2",
    "_1",
    "1e400",
    "0x",
    "0o8",
    "1e",
    ".",
    "..",
    "+",
    "1a",
    "1p3",
    "nan",
    "inf",
    "1:30",
    "1,000",
    "0x1FFFFFFFFFFFFFFFF",
]
YAML11_WORDS = {"yes": True, "Y": True, "on": True, "no": False, "N": False, "OFF": False}
CORE_WORDS = {"true": True, "FALSE": False, "null": None, "~": None, "": None}


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_number(dialect: Dialect, text: str, value: float) -> None:
    """Octal, hexadecimal and binary numbers, underscores and integral floats read alike in all dialects."""
    found = RULES[dialect].values[text]
    assert found == value
    assert type(plain(found)) is type(value)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("text", STRINGS)
def test_no_number(dialect: Dialect, text: str) -> None:
    """What looks like a number but is none, or is none that JSON can hold in digits, is a string."""
    assert RULES[dialect].values[text] == text


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("text", "value"), CORE_WORDS.items())
def test_core_word(dialect: Dialect, text: str, value: object) -> None:
    """All dialects know true, false and null."""
    assert RULES[dialect].values[text] is value


@pytest.mark.parametrize(("text", "value"), YAML11_WORDS.items())
def test_yaml_11_word(text: str, value: bool) -> None:
    """YAML 1.1's booleans are booleans to kubectl and in kustomization files, and strings in kustomize's resources."""
    assert RULES[Dialect.KUBECTL].values[text] is value
    assert RULES[Dialect.KUSTOMIZATION].values[text] is value
    assert RULES[Dialect.RESOURCE].values[text] == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2001-01-01", "2001-01-01T00:00:00Z"),
        ("2001-1-1", "2001-01-01T00:00:00Z"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
        ("2001-12-14 21:59:43.10", "2001-12-14T21:59:43.1Z"),
        ("2001-01-01T1:2:3Z", "2001-01-01T01:02:03Z"),
        ("2001-02-30", "2001-02-30"),
        ("2001-12-14_21:59:43", "2001-12-14_21:59:43"),
    ],
)
def test_timestamp(text: str, value: str) -> None:
    """A date leaves kustomize in RFC 3339; kubectl leaves it alone."""
    assert RULES[Dialect.RESOURCE].values[text] == value
    assert RULES[Dialect.KUBECTL].values[text] == text


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("text", [".nan", ".inf", "-.Inf", "+.INF"])
def test_not_json(dialect: Dialect, text: str) -> None:
    """What JSON has no value for is refused."""
    with pytest.raises(ScalarError, match="quote it"):
        RULES[dialect].values[text]


def test_large_integers() -> None:
    """Kustomize keeps integers up to 64 bits without sign, kubectl those with sign."""
    assert type(RULES[Dialect.RESOURCE].values["18446744073709551615"]) is int
    assert RULES[Dialect.RESOURCE].values["+11399024741931158398"] == 11399024741931158000
    assert type(RULES[Dialect.KUBECTL].values["18446744073709551615"]) is float
    assert type(plain(RULES[Dialect.RESOURCE].values["18446744073709551616"])) is float


SPELLED = [SpelledInt(10, "012"), SpelledFloat(1.1, "1.10"), SpelledStr("2001-01-01T00:00:00Z", "2001-01-01")]


@pytest.mark.parametrize("value", SPELLED)
def test_spelled_value(value: Any) -> None:
    """A spelled value keeps its text through copies and pickles, and is its JSON value to everything else."""
    for twin in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value
        assert text_of(twin) == value.text
    assert orjson.loads(orjson.dumps(value, default=float)) == json.loads(json.dumps(value)) == value


def test_text_of_ordinary_values() -> None:
    """Other scalars have the text that YAML prints."""
    assert [text_of(value) for value in (True, False, None, 1, 1.5, "x")] == ["true", "false", "null", "1", "1.5", "x"]


def test_plain_shares_what_holds_nothing_spelled() -> None:
    """Only the parts around a spelled value are copied."""
    kept = {"a": [1, {"b": "c"}]}
    value = {"kept": kept, "n": [SpelledInt(10, "012")]}
    found = plain(value)
    assert found == {"kept": kept, "n": [10]}
    assert found["kept"] is kept
    assert type(found["n"][0]) is int
    assert plain(kept) is kept


@given(st.text(max_size=12))
def test_any_text_has_a_meaning(text: str) -> None:
    """No text makes the rules fail other than by ScalarError, and what reads as a string everywhere is itself."""
    for dialect in Dialect:
        try:
            value = RULES[dialect].values[text]
        except ScalarError:
            continue
        if reads_as_string(text):
            assert value == text


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back(number: float) -> None:
    """The text of any number reads as that number, to the precision of a float at least."""
    found = RULES[Dialect.RESOURCE].values[repr(number)]
    assert isinstance(found, int | float)
    assert found == number or float(found) == float(number)
