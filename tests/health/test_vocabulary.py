from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.health.vocabulary import meaning, words
from gitopsd.model.health import HealthStatus


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CrashLoopBackOff", ["crash", "loop", "back", "off"]),
        ("PENDING_RERUN", ["pending", "rerun"]),
        ("APIServerAvailable", ["api", "server", "available"]),
        ("in-progress", ["in", "progress"]),
        ("Waiting for quorum", ["waiting", "for", "quorum"]),
        ("", []),
    ],
)
def test_names_are_cut_into_words(name: str, expected: list[str]) -> None:
    """Whatever the spelling, a name has the words that a reader sees."""
    assert list(words(name)) == expected


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Running", "Healthy"),
        ("HEALTH_OK", "Healthy"),
        ("Reconfiguring", "Progressing"),
        ("NotReady", "Progressing"),
        ("SecretNotFound", "Degraded"),
        ("NotFound", "Missing"),
        ("Updating failed", "Degraded"),
        ("ReconcilePaused", "Suspended"),
        ("Inconclusive", "Unknown"),
        ("green", "Healthy"),
    ],
)
def test_words_have_a_meaning(name: str, status: str) -> None:
    """A failure outweighs a pause, a pause an activity, an activity a good end; some names mean something as a whole."""
    assert meaning(name) == status


@pytest.mark.parametrize("name", ["", "Quux", "spring", "eu-west-1", "x" * 81])
def test_words_without_a_meaning(name: str) -> None:
    """Names that say nothing, and sentences, have no meaning."""
    assert meaning(name) is None


@given(st.text())
def test_any_text_is_read(name: str) -> None:
    """No text raises, and what is read of it is a state or nothing."""
    assert meaning(name) in {None, *HealthStatus}
