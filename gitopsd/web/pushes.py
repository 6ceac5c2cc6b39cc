"""What Git servers send of a push: how each signs it, and where it names the repository. A table and the reading of it.

A push is only ever news that there is news: what it says of commits is not believed, the repository is asked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

Proof = Callable[[bytes, bytes, str], bool]
"""Takes the secret, the body and what the header shows."""

MAX_AGE = timedelta(minutes=5)
"""How far the time of a generic push may be from ours."""
MAX_REMEMBERED = 10_000
_MAX_URLS = 20


def signature(secret: bytes, body: bytes, shown: str) -> bool:
    """The HMAC-SHA256 of the body in hexadecimal, with `sha256=` before it or not."""
    return _same(hmac.new(secret, body, hashlib.sha256).hexdigest().encode(), shown.removeprefix("sha256=").lower())


def _token(secret: bytes, _body: bytes, shown: str) -> bool:
    return _same(secret, shown)


def _password(secret: bytes, _body: bytes, shown: str) -> bool:
    scheme, _, given = shown.partition(" ")
    try:
        known = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(secret, known.partition(b":")[2])


def _same(wanted: bytes, shown: str) -> bool:
    """Whether a header, which ASGI servers decode as Latin-1, has these bytes."""
    return hmac.compare_digest(wanted, shown.encode("latin-1", "replace"))


@dataclass(frozen=True, slots=True)
class Provider:
    """A Git server: the header with its proof, the one that names the event, and the paths of the repository's URLs in the body.

    Without `event`, every delivery is a push. `*` in a path stands for every entry of a list.
    """

    name: str
    title: str
    header: str
    proof: Proof
    urls: tuple[tuple[str, ...], ...]
    event: str = ""
    pushes: frozenset[str] = frozenset()


_CLONES = (("repository", "clone_url"), ("repository", "ssh_url"), ("repository", "html_url"))
PROVIDERS = (
    Provider(
        "github", "GitHub", "X-Hub-Signature-256", signature, _CLONES, "X-GitHub-Event", frozenset({"push", "create", "delete"})
    ),
    Provider(
        "gitlab",
        "GitLab",
        "X-Gitlab-Token",
        _token,
        (("project", "git_http_url"), ("project", "git_ssh_url")),
        "X-Gitlab-Event",
        frozenset({"Push Hook", "Tag Push Hook"}),
    ),
    Provider(
        "gitea",
        "Gitea and Forgejo",
        "X-Gitea-Signature",
        signature,
        _CLONES,
        "X-Gitea-Event",
        frozenset({"push", "create", "delete"}),
    ),
    Provider(
        "bitbucket",
        "Bitbucket",
        "X-Hub-Signature",
        signature,
        (("repository", "links", "html", "href"), ("repository", "links", "clone", "*", "href")),
        "X-Event-Key",
        frozenset({"repo:push", "repo:refs_changed"}),
    ),
    Provider("azure", "Azure DevOps", "Authorization", _password, (("resource", "repository", "remoteUrl"),)),
    Provider("generic", "Anything else", "X-Signature-256", signature, (("repository",), ("repositories", "*"))),
)
"""From the servers' manuals on webhooks."""


def document(body: bytes) -> Mapping[str, Any]:
    """The body as JSON, or the field `payload` of a form, as GitHub and Gitea may be told to send. Raises ValueError."""
    try:
        if body.startswith(b"payload="):  # no JSON begins so, and curl calls JSON a form
            body = parse_qs(body.decode(), max_num_fields=10).get("payload", [""])[0].encode()
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    raise ValueError("the body is no JSON object")


def repositories(provider: Provider, push: Mapping[str, Any]) -> tuple[str, ...]:
    """The URLs under which a push names its repository, in all their spellings."""
    found = (url for path in provider.urls for url in _at(push, path) if isinstance(url, str))
    return tuple(url for url, _ in zip(found, range(_MAX_URLS), strict=False))


def _at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if not path:
        yield value
    elif path[0] == "*":
        for item in value if isinstance(value, list) else ():
            yield from _at(item, path[1:])
    elif isinstance(value, dict):
        yield from _at(value.get(path[0]), path[1:])


@dataclass(slots=True)
class Deliveries:
    """The generic pushes of the last minutes: one that was recorded on its way is not taken a second time."""

    _seen: OrderedDict[str, datetime] = field(default_factory=OrderedDict)

    def objection(self, push: Mapping[str, Any], now: datetime) -> str:
        """Why a push is not taken: it must have an `id` that is new, and a `time` (RFC 3339) that is now; else notes it."""
        name, written = push.get("id"), push.get("time")
        try:
            sent = datetime.fromisoformat(str(written))
            off = abs(now - sent)
        except (ValueError, TypeError, OverflowError):
            return "the body needs `time`, in RFC 3339 with a zone"
        if not isinstance(name, str) or not 0 < len(name) <= 200:  # noqa: PLR2004 - as an Idempotency-Key
            return "the body needs `id`, a text of at most 200 characters"
        if off > MAX_AGE:
            return f"`time` is more than {MAX_AGE.seconds // 60} minutes from now"
        for known, when in tuple(self._seen.items()):
            if now - when <= 2 * MAX_AGE:
                break
            del self._seen[known]
        if name in self._seen:
            return "a push with this `id` was taken already"
        if len(self._seen) >= MAX_REMEMBERED:
            return "too many pushes within minutes"
        self._seen[name] = now
        return ""
