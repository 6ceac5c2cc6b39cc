"""What the spellings of repositories mean."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.model.errors import SourceError
from gitopsd.source.urls import parse_url


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://GitHub.com/Org/App.git", "https://github.com/Org/App.git"),
        ("https://github.com:443/Org/App.git/", "https://github.com/Org/App.git"),
        ("https://git.example.org:8443/app", "https://git.example.org:8443/app"),
        ("https://bob:secret@example.org/app", "https://example.org/app"),
        ("http://example.org/app", "http://example.org/app"),
        ("ssh://git@example.org:22/org/app", "ssh://git@example.org/org/app"),
        ("ssh://git:secret@example.org/org/app", "ssh://git@example.org/org/app"),
        ("git@github.com:org/app.git", "git@github.com:org/app.git"),
        ("git@example.org:/srv/app.git", "ssh://git@example.org/srv/app.git"),
        ("example.org:app", "example.org:app"),
        ("https://[2001:DB8::1]:8443/app", "https://[2001:db8::1]:8443/app"),
        ("/srv/git/app.git/", "/srv/git/app.git"),
        ("file:///srv/git/my%20app.git", "/srv/git/my app.git"),
    ],
)
def test_shown_without_secrets(url: str, public: str) -> None:
    """What may be shown has no password, the host in lower case, no port that goes without saying."""
    location = parse_url(url)
    assert location.public == public
    assert "secret" not in f"{location!r} {location.folder} {location.key}"


@pytest.mark.parametrize(
    "spellings",
    [
        (
            "https://github.com/org/app",
            "https://github.com/org/app.git",
            "https://GITHUB.com:443/org/app.git/",
            "https://u:p@github.com/org/app",
        ),
        ("git@github.com:org/app", "git@github.com:org/app.git", "git@GitHub.com:org/app/"),
        ("/srv/app", "/srv/app/", "file:///srv/app", "file://localhost/srv/app/"),
    ],
)
def test_one_repository(spellings: tuple[str, ...]) -> None:
    """Spellings of one repository have one key, and so one mirror."""
    assert len({parse_url(url).key for url in spellings}) == 1
    assert len({parse_url(url).folder for url in spellings}) == 1


def test_different_repositories() -> None:
    """What may be different repositories have mirrors of their own: another case, user, port, protocol, or home folder."""
    urls = [
        "https://example.org/app",
        "https://example.org/App",
        "https://example.org:8443/app",
        "http://example.org/app",
        "ssh://git@example.org/app",
        "ssh://bob@example.org/app",
        "git@example.org:app",
        "/example.org/app",
        "/example.org/app.git",
    ]
    assert len({parse_url(url).folder for url in urls}) == len(urls)


@pytest.mark.parametrize(
    "url",
    [
        "", " https://example.org/a", "https://example.org/a\n", "relative/path", "./a", "https:///a", "https://example.org:port/a",
        "ext::sh -c x", "ftp://example.org/a", "https://example.org/a?x=1", "https://-oProxyCommand=x/a", "ssh://-oProxyCommand=x/a",
        "file://relative/a",
    ],
)  # fmt: skip
def test_refused(url: str) -> None:
    """What is no URL of a repository is refused, without being repeated."""
    with pytest.raises(SourceError) as raised:
        parse_url(url)
    assert not raised.value.retryable
    assert not url or url not in str(raised.value)


@given(st.text(string.printable, max_size=40))
def test_any_text(text: str) -> None:
    """Any text is a location or a SourceError, and a location's folder is one harmless path segment."""
    for url in (text, f"https://{text}", f"git@host:{text}", f"/{text}"):
        try:
            folder = parse_url(url).folder
        except SourceError:
            continue
        assert set(folder) <= set(string.ascii_lowercase + string.digits + "-._")
        assert not folder.startswith(".")
        assert len(folder) < 100
