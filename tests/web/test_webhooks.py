"""Pushes that Git servers tell of: who is believed, what is read, what is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from gitopsd.web.guard import MAX_BODY
from gitopsd.web.pushes import MAX_AGE, MAX_REMEMBERED, PROVIDERS, Deliveries
from tests.serving import Answer, Served

HOOKS = "/api/v1/webhooks"
HTTPS, SSH = "https://git.example.org/ops/shop.git", "git@git.example.org:ops/shop.git"
SECRET = b"k\xc3\xa4se"

CLONES = {"ref": "refs/heads/main", "repository": {"clone_url": HTTPS, "ssh_url": SSH}}
BODIES: dict[str, tuple[dict[str, Any], dict[str, str], list[str]]] = {
    "github": (CLONES, {"X-GitHub-Event": "push"}, [HTTPS, SSH]),
    "gitlab": ({"project": {"git_http_url": HTTPS, "git_ssh_url": SSH}}, {"X-Gitlab-Event": "Push Hook"}, [HTTPS, SSH]),
    "gitea": (CLONES, {"X-Gitea-Event": "push"}, [HTTPS, SSH]),
    "bitbucket": (
        {"repository": {"links": {"html": {"href": HTTPS}, "clone": [{"href": HTTPS}, {"href": SSH}]}}},
        {"X-Event-Key": "repo:push"},
        [HTTPS, HTTPS, SSH],
    ),
    "azure": ({"eventType": "git.push", "resource": {"repository": {"remoteUrl": HTTPS}}}, {}, [HTTPS]),
    "generic": ({"repository": HTTPS, "repositories": [SSH]}, {}, [HTTPS, SSH]),
}


def proof(name: str, body: bytes, secret: bytes = SECRET) -> dict[str, str]:
    """The header by which this server proves a body."""
    digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
    shown = {
        "gitlab": secret.decode(),
        "gitea": digest,
        "azure": f"Basic {base64.b64encode(b'anyone:' + secret).decode()}",
    }
    header = next(provider.header for provider in PROVIDERS if provider.name == name)
    # Headers are bytes on the wire; the test client takes them as latin-1.
    return {header: shown.get(name, f"sha256={digest}").encode().decode("latin-1")}


def served() -> Served:
    """An API whose callers show a token, and that knows each server's secret."""
    return Served(token="token", secrets={provider.name: SECRET for provider in PROVIDERS})


async def send(api: Served, name: str, body: Any, **changed: str) -> Answer:
    """A push as this server sends it; generic ones have an id and are sent now."""
    if name == "generic" and isinstance(body, dict):
        body = {"id": "1", "time": api.world.clock.now().isoformat(), **body}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = BODIES[name][1] | proof(name, data) | changed
    return await api.call("POST", f"{HOOKS}/{name}", data, **headers)


@pytest.mark.parametrize("name", list(BODIES))
async def test_a_proved_push_is_taken(name: str) -> None:
    """Without the bearer token; the repository is named by all the URLs that the server has for it."""
    api, (body, _, urls) = served(), BODIES[name]
    answer = await send(api, name, body)
    assert (answer.status, answer.json) == (202, {"repositories": len(urls)})
    assert api.pushed == urls


@pytest.mark.parametrize("name", list(BODIES))
async def test_what_is_not_proved_is_refused(name: str) -> None:
    """401 without a proof, with that of another secret or body, and where no secret is configured; nothing is asked then."""
    api, (body, event, _) = served(), BODIES[name]
    data = json.dumps(body).encode()
    wrong = [
        {},
        proof(name, data, b"another"),
        dict.fromkeys(proof(name, data), ""),
        dict.fromkeys(proof(name, data), "sha256=\xe9"),
    ]
    wrong += [] if name in ("gitlab", "azure") else [proof(name, data + b" ")]
    for headers in wrong:
        answer = await api.call("POST", f"{HOOKS}/{name}", data, **event, **headers)
        assert answer.status == 401
        assert "k\u00e4se" not in answer.problem
    del api.secrets[name]
    assert (await api.call("POST", f"{HOOKS}/{name}", data, **event, **proof(name, data))).status == 401
    assert api.pushed == []


async def test_other_events_are_no_pushes() -> None:
    """A ping, an issue: taken, because the server wants to hear that, and nothing is asked."""
    api = served()
    for event in ("ping", "issues", ""):
        answer = await send(api, "github", CLONES, **{"X-GitHub-Event": event})
        assert (answer.status, answer.json) == (202, {"repositories": 0})
    assert api.pushed == []


async def test_a_form_is_read_too() -> None:
    """GitHub and Gitea may be told to send the document as a field of a form; the form is what is signed."""
    api = served()
    form = urlencode({"payload": json.dumps(CLONES)}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await send(api, "github", form, **kind)
    assert (answer.status, api.pushed) == (202, [HTTPS, SSH])
    assert (await send(api, "github", CLONES, **kind)).status == 202  # as `curl -d` sends JSON


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000, b"null", b"7"])
async def test_a_body_that_says_nothing(body: bytes) -> None:
    """400, also from who proved it; a body without a repository asks for none."""
    api = served()
    assert (await send(api, "github", body)).status == 400
    assert (await send(api, "github", b'{"repository": [{"clone_url": 7}]}')).json == {"repositories": 0}


async def test_a_body_is_bounded() -> None:
    """413 before it is read to its end."""
    assert (await send(served(), "github", b" " * (MAX_BODY + 1))).status == 413


async def test_a_push_counts_once() -> None:
    """The same generic push a second time is 401, as is one that is too old, from the future, or says neither id nor time."""
    api, push = served(), {"repository": HTTPS}
    assert (await send(api, "generic", push)).status == 202
    again = await send(api, "generic", push)
    assert (again.status, again.problem) == (401, "a push with this `id` was taken already")
    now = api.world.clock.now()
    for change in (
        {"id": "2", "time": (now - MAX_AGE - timedelta(seconds=1)).isoformat()},
        {"id": "2", "time": (now + MAX_AGE + timedelta(seconds=1)).isoformat()},
        {"id": "2", "time": "2026-01-01T00:00:00"},
        {"id": "2", "time": None},
        {"id": ""},
        {"id": 2},
    ):
        assert (await send(api, "generic", push | change)).status == 401
    assert (await send(api, "generic", push | {"id": "2"})).status == 202
    assert api.pushed == [HTTPS, HTTPS]


def test_what_is_remembered_of_pushes_is_bounded() -> None:
    """An id is forgotten when its time can be nobody's now any more; more than can be remembered are refused, not forgotten."""
    deliveries, start = Deliveries(), Served().world.clock.now()

    def objection(name: str, minutes: int) -> str:
        now = start + timedelta(minutes=minutes)
        return deliveries.objection({"id": name, "time": now.isoformat()}, now)

    assert [objection(str(number), 0) for number in range(MAX_REMEMBERED)] == [""] * MAX_REMEMBERED
    assert objection("one more", 5) == "too many pushes within minutes"
    assert objection("0", 10) == "a push with this `id` was taken already"
    assert objection("one more", 11) == ""


async def test_a_server_that_is_not_known() -> None:
    """404: there is no such route."""
    assert (await served().call("POST", f"{HOOKS}/sourceforge", {})).status == 404
