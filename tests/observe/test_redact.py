from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.observe.redact import redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pass@host/r", "https://host/r"),
        ("https://token@host/r", "https://host/r"),
        ("https://a@b:c@host/r and http://x:y@z", "https://host/r and http://z"),
        ("postgresql://gitopsd:pw@db/history", "postgresql://db/history"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
        ("pushed with ghp_abcdefghijklmnopqrstuvwx", "pushed with ***"),
        ("glpat-abcdefghijklmnopqrst!", "***!"),
        ("git@github.com:org/repo.git", "git@github.com:org/repo.git"),
        ("https://host/user@example.com", "https://host/user@example.com"),
        ("basic health check", "basic health check"),
        ("4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c", "4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c4f0c"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    """Credentials go, everything that people need to read stays."""
    assert redact(text) == expected


@given(user=st.text("abc:@%._-", min_size=1), before=st.text(max_size=10), path=st.text("abc/.", max_size=10))
def test_user_info_of_a_url_never_stays(user: str, before: str, path: str) -> None:
    """Whatever stands between a URL's scheme and its host's @ is gone."""
    assert redact(f"{before} https://HUSH{user}@host/{path}").count("HUSH") == before.count("HUSH")


@given(st.text())
def test_redaction_is_stable(text: str) -> None:
    """Redacting twice is redacting once."""
    assert redact(redact(text)) == redact(text)
