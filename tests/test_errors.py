"""Errors as a person sees them."""

from __future__ import annotations

import pickle

from gitopsd.model.errors import LimitError, Place, RenderError


def test_place_and_message() -> None:
    """The place comes first, as compilers print it."""
    assert str(RenderError("is missing", Place("a.yaml", 1, 2, "resources[0]"))) == "a.yaml:1:2: resources[0]: is missing"


def test_nothing_steers_a_terminal() -> None:
    """Control characters and broken encodings of a repository are shown as their codes, in one line."""
    error = RenderError("no \x1b[2J\n\ud800 here", Place("a\rb.yaml"))
    assert str(error) == r"a\rb.yaml: no \x1b[2J\n\ud800 here"
    assert error.message == r"no \x1b[2J\n\ud800 here"


def test_long_texts_lose_their_middle() -> None:
    """The beginning says what it is about, the end mostly the reason."""
    message = str(RenderError("begin " + "a" * 10**6 + " end"))
    assert len(message) < 1000
    assert message.startswith("begin a")
    assert message.endswith("a end")


def test_errors_come_back_from_children() -> None:
    """A pickled error is the same."""
    error = pickle.loads(pickle.dumps(LimitError("too deep", Place("a.yaml"))))
    assert (type(error), str(error), error.place) == (LimitError, "a.yaml: too deep", Place("a.yaml"))
