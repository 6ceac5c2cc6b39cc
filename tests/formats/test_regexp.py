"""Patterns of strangers."""

from __future__ import annotations

import pytest

from gitopsd.formats.regexp import anywhere, is_literal, whole
from gitopsd.model.errors import RenderError


def test_whole() -> None:
    """A pattern has to match a text from end to end, as kustomize's targets do."""
    assert whole("api-.*")("api-web")
    assert not whole("api-.*")("my-api-web")
    assert whole("a|bc")("bc")
    assert not whole("a|bc")("ac")


def test_anywhere() -> None:
    """A pattern for items may match anywhere, as kustomize anchors it nowhere."""
    assert anywhere("b+")("abbc")
    assert anywhere("pp")("app")
    assert not anywhere("^b")("ab")


def test_literals() -> None:
    """What has no special character matches itself; a dot is one."""
    assert is_literal("web-1_a")
    assert whole("web")("web")
    assert not whole("web")("webs")
    assert not is_literal("a.b")


def test_syntax_is_of_go() -> None:
    """Go's flags and classes are known, Python's look-ahead is not, and the error says why."""
    assert whole(r"(?i)WEB\z")("web")
    assert whole(r"\pL+")("ümlaut")
    with pytest.raises(RenderError, match=r"'\(\?=a\)' is not a regular expression: invalid perl operator"):
        whole("(?=a)")
    with pytest.raises(RenderError, match="missing"):
        anywhere("(a")


def test_time_grows_with_the_text() -> None:
    """A pattern that makes other engines try 2^n ways gives its answer."""
    assert not whole("(a+)+$")("a" * 5000 + "!")
    assert not anywhere("(a|a)*b")("a" * 5000)


@pytest.mark.parametrize("pattern", ["((a{100}){100}){100}.*", "a{1000}{1000}"])
def test_endless_patterns(pattern: str) -> None:
    """A pattern that would take more memory than its text suggests is refused."""
    with pytest.raises(RenderError, match="is not a regular expression"):
        whole(pattern)


def test_halves_of_characters() -> None:
    """What JSON may spell and UTF-8 can't is matched as the character that stands for broken ones."""
    assert whole("a.b")("a\ud800b")
    assert whole(".*\udfff")("\ufffd")
