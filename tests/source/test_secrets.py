"""Argo CD's repository Secrets as credentials: which one counts, what is refused, and that nothing is shown."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.errors import ClusterError, SourceError
from gitopsd.model.refs import Object
from gitopsd.render.needs import RemoteBase
from gitopsd.source.credentials import Credentials
from gitopsd.source.secrets import LABEL, TRUST, RepositorySecrets
from gitopsd.source.sources import Repository, Sources
from gitopsd.source.urls import parse_url
from tests.gitrepo import Repo
from tests.source.conftest import HandClock
from tests.source.server import GitServer, SshServer, certificate

SECRET = "hunter2"
HOSTS, AUTHORITIES = TRUST


def secret(name: str, kind: str = "repository", **values: str) -> Object:
    """A Secret as the API server has it."""
    metadata = {"name": name, "namespace": "argocd", "labels": {LABEL: kind}}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def taken(*secrets: Object) -> RepositorySecrets:
    """What these say."""
    found = RepositorySecrets()
    found.take({AppKey("argocd", one["metadata"]["name"]): one for one in secrets})
    return found


def password(found: RepositorySecrets, url: str) -> str:
    """The password for a repository."""
    return found.access(parse_url(url)).password


ORG = secret("org", "repo-creds", url="https://git.example/org", username="bot", password="org")
TEAM = secret("team", "repo-creds", url="https://git.example/org/team/", username="bot", password="team")
APP = secret("app", url="https://git.example/org/team/app", username="bot", password="app")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://git.example/org/team/app", "app"),
        ("https://GIT.example:443/Org/team/app.git", "app"),
        ("https://git.example/org/team/app/inner", "team"),
        ("https://git.example/org/team/other", "team"),
        ("https://git.example/org/other", "org"),
        ("https://git.example/organisation/app", ""),
        ("https://elsewhere.example/org/app", ""),
        ("ssh://git.example/org/app", ""),
    ],
)
def test_the_longest_url_wins(url: str, expected: str) -> None:
    """A repository's own Secret is for it alone, a template for all below its URL; a part of a name is no beginning."""
    assert password(taken(ORG, TEAM, APP), url) == expected


@pytest.mark.parametrize("url", ["git@git.example:org/app", "ssh://git@git.example/org/app.git"])
def test_one_repository_has_many_spellings(url: str) -> None:
    """As Argo CD takes them."""
    key = secret("key", "repo-creds", url="git@git.example:org", sshPrivateKey="the key")
    access = taken(key).access(parse_url(url))
    assert (access.ssh_key, access.username, access.verify_host_key) == ("the key", "git", True)


def test_a_repository_without_credentials_has_those_of_its_template() -> None:
    """How its server is reached it says itself."""
    own = secret("own", url="https://git.example/org/own", insecure="true", proxy="http://proxy.example")
    access = taken(ORG, own).access(parse_url("https://git.example/org/own"))
    assert (access.username, access.password, access.proxy, access.verify_tls) == ("bot", "org", "http://proxy.example", False)


def test_registries() -> None:
    """Argo CD writes those without a scheme."""
    found = taken(secret("charts", url="registry.example/charts", enableOCI="true", type="helm", password=SECRET))
    assert password(found, "https://registry.example/charts") == SECRET


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"githubAppID": "1", "githubAppPrivateKey": SECRET}, "a GitHub App"),
        ({"tlsClientCertData": SECRET, "tlsClientCertKey": SECRET}, "a client certificate"),
        ({"gcpServiceAccountKey": SECRET}, "a Google service account"),
        ({"useAzureWorkloadIdentity": "true"}, "an Azure workload identity"),
        ({"bearerToken": SECRET}, "a bearer token"),
        ({"proxy": "http://proxy.example", "noProxy": "10.0.0.0/8"}, "exceptions from its proxy (noProxy)"),
    ],
)
def test_what_can_not_be_honoured_is_refused(values: dict[str, str], what: str) -> None:
    """For the repositories of that Secret, by name; a template too. Others are none of its business."""
    for kind in ("repository", "repo-creds"):
        found = taken(ORG, secret("odd", kind, url="https://git.example/org/odd", **values))
        with pytest.raises(SourceError) as refused:
            password(found, "https://git.example/org/odd")
        assert refused.value.message.startswith(f"Secret/argocd/odd holds {what}, which gitopsd has no use for")
        assert SECRET not in str(refused.value)
        assert password(found, "https://git.example/org/other") == "org"


def test_a_false_is_no_reason_to_refuse() -> None:
    """What a form left behind means nothing."""
    found = taken(secret("plain", url="https://git.example/a", password="p", useAzureWorkloadIdentity="false", noProxy=""))
    assert password(found, "https://git.example/a") == "p"


def test_a_secret_that_is_for_no_repository_is_said_once() -> None:
    """Without any of its values; the others count."""
    broken = secret("broken", url=f"https://bob:{SECRET}@:x", password=SECRET)
    with capture_logs() as logs:
        found = taken(broken, APP, secret("twice", url="https://git.example/org/team/app.git", password=SECRET))
        found.take({AppKey("argocd", "broken"): broken, AppKey("argocd", "app"): APP})
    assert [line["problem"].partition(":")[0] for line in logs] == [
        "Secret/argocd/broken",
        "Secret/argocd/twice",
    ]
    assert SECRET not in str(logs)
    assert password(found, "https://git.example/org/team/app") == "app"


def test_one_that_is_torn_is_refused() -> None:
    """To go on with what is left of it would be to ask as somebody else."""
    torn = secret("torn", url="https://git.example/org/torn", username="bot")
    torn["data"]["password"] = "/w=="
    with pytest.raises(SourceError, match="Secret/argocd/torn holds a password that is no text"):
        password(taken(ORG, torn), "https://git.example/org/torn")


async def test_nobody_is_let_in_before_they_are_known(tmp_path: Path) -> None:
    """Somebody may have a repository for themselves; why they can't be watched is said. A local folder is nobody's."""
    found, url = RepositorySecrets(), "https://127.0.0.1:1/a"
    with pytest.raises(SourceError, match="not read yet"):
        found.access(parse_url(url))
    assert found.access(parse_url("/srv/git/a")).password == ""

    async def refused(seconds: float) -> None:
        raise ClusterError("home", f"watching repository Secrets is refused (Forbidden), {seconds:g}")

    found.watched = refused
    async with following(tmp_path, found) as sources:
        for asked in (sources.snapshots(app(url, "default")), sources.poll(url), sources.fetch(RemoteBase(url, url, "", ""))):
            with pytest.raises(SourceError, match=r"the repository Secrets can't be read: .* is refused"):
                await asked


async def test_at_the_start_they_are_waited_for(repo: Repo, tmp_path: Path) -> None:
    """So nobody is told of a failure that is none."""
    repo.commit({"a": "1"})
    found = RepositorySecrets()

    async def known(_: float) -> None:
        found.take({AppKey("argocd", "app"): secret("app", url=f"{root}/app.git", insecure="true")})

    found.watched = known
    with GitServer(repo.path.parent).running(certificate(tmp_path / "tls")) as root:
        async with following(tmp_path, found) as sources:
            assert await sources.snapshots(app(f"{root}/app.git", "default"))


def test_credentials_are_not_sent_where_anybody_can_read_them() -> None:
    """As those of the configuration."""
    found = taken(secret("plain", url="http://git.example/a", password=SECRET))
    with pytest.raises(SourceError, match="are not sent over http://"):
        password(found, "http://git.example/a")


def test_trust_is_that_of_the_config_maps() -> None:
    """Known hosts are for all, authorities for their host; both may go again."""
    found = taken()
    found.trust(HOSTS, {AppKey("argocd", HOSTS): {"data": {"ssh_known_hosts": "git.example ssh-ed25519 AAAA"}}})
    found.trust(AUTHORITIES, {AppKey("argocd", AUTHORITIES): {"data": {"git.example": "PEM"}}})
    access = found.access(parse_url("https://git.example:8443/a"))
    assert (access.known_hosts, access.ca) == ("git.example ssh-ed25519 AAAA", "PEM")
    assert found.access(parse_url("https://other.example/a")).ca == ""
    found.trust(HOSTS, {})
    assert found.access(parse_url("https://git.example/a")).known_hosts == ""


@asynccontextmanager
async def following(folder: Path, secrets: RepositorySecrets, *configured: Repository) -> AsyncIterator[Sources]:
    """Sources with these credentials."""
    sources = Sources(folder / "mirrors", HandClock(), repositories=configured, secrets=secrets)
    try:
        yield sources
    finally:
        await sources.aclose()


def app(url: str, project: str) -> App:
    """An application of one source."""
    return App(AppKey("argocd", "shop"), AppSpec(Destination(name="here"), project=project, source=Source(url, "p")))


async def test_a_changed_secret_counts_from_the_next_poll_on(repo: Repo, tmp_path: Path) -> None:
    """Nothing is kept of the old one; nothing of either is on the disk."""
    commit = repo.commit({"a": "1"})
    server = GitServer(repo.path.parent, f"bob:{SECRET}")
    with server.running(certificate(tmp_path / "tls")) as root:
        values = {"url": f"{root}/app.git", "username": "bob", "insecure": "true"}
        secrets = taken(secret("app", **values, password=SECRET))
        async with following(tmp_path, secrets) as sources:
            assert (await sources.snapshot_of(f"{root}/app.git")).commit.id == commit
            server.login = "bob:rotated"
            with pytest.raises(SourceError, match="the server refuses the configured credentials") as refused:
                await sources.poll(f"{root}/app.git")
            assert SECRET not in str(refused.value)
            secrets.take({AppKey("argocd", "app"): secret("app", **values, password="rotated")})
            await sources.poll(f"{root}/app.git", force=True)
    files = [file for file in (tmp_path / "mirrors").rglob("*") if file.is_file()]
    assert not any(word in file.read_bytes() for file in files for word in (SECRET.encode(), b"rotated"))


async def test_the_configuration_comes_first(repo: Repo, tmp_path: Path) -> None:
    """What it says of a part of the URL counts, and no Secret does then, however close."""
    repo.commit({"a": "1"})
    (tmp_path / "password").write_text(SECRET)
    with GitServer(repo.path.parent, f"bob:{SECRET}").running() as root:
        own = Credentials(username="bob", password=tmp_path / "password", insecure_send_unencrypted=True)
        secrets = taken(secret("app", url=f"{root}/app.git", project="theirs", githubAppID="1"))
        async with following(tmp_path, secrets, Repository(root, own)) as sources:
            assert await sources.snapshots(app(f"{root}/app.git", "default"))


async def test_over_ssh(repo: Repo, tmp_path: Path) -> None:
    """With the key of a Secret and the known hosts of the ConfigMap; without these nothing is sent."""
    repo.commit({"a": "1"})
    server = SshServer(repo.path.parent)
    async with server.running() as root:
        key = server.user_key.export_private_key("openssh").decode()
        secrets = taken(secret("creds", "repo-creds", url=root, sshPrivateKey=key))
        async with following(tmp_path, secrets) as sources:
            with pytest.raises(SourceError, match="no known hosts are configured"):
                await sources.poll(f"{root}/app.git")
            secrets.trust(HOSTS, {AppKey("argocd", HOSTS): {"data": {"ssh_known_hosts": server.known_hosts}}})
            assert await sources.poll(f"{root}/app.git", force=True)


async def test_a_project_may_have_a_repository_for_itself(repo: Repo, tmp_path: Path) -> None:
    """Its applications alone get what is mirrored of it; no remote base of anybody's does."""
    repo.commit({"a": "1"})
    with GitServer(repo.path.parent, f"bob:{SECRET}").running(certificate(tmp_path / "tls")) as root:
        url = f"{root}/app.git"
        values: dict[str, Any] = {"url": url, "username": "bob", "password": SECRET, "insecure": "true", "project": "shop"}
        async with following(tmp_path, taken(secret("app", **values))) as sources:
            assert await sources.snapshots(app(url, "shop"))
            with pytest.raises(SourceError, match="Secret/argocd/app has it for the project shop alone"):
                await sources.snapshots(app(url, "default"))
            with pytest.raises(SourceError, match="for the project shop alone"):
                await sources.fetch(RemoteBase(url, url, "", ""))
