"""Talking with servers: credentials, certificates, deadlines."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gitopsd.model.errors import SourceError
from gitopsd.source.credentials import Credentials
from gitopsd.source.network import Network, Request
from gitopsd.source.remote import Bounds
from gitopsd.source.sources import Repository, Sources
from tests.gitrepo import Repo
from tests.source.conftest import HandClock
from tests.source.server import GitServer, SshServer, certificate, hanging

SECRET = "s3cr3t-t0ken"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file with a secret, as they are mounted."""
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    return file


@asynccontextmanager
async def following(
    folder: Path, url: str = "", credentials: Credentials | None = None, patience: float = 20, seen: list[Request] | None = None
) -> AsyncIterator[Sources]:
    """A source that has these credentials for everything below `url`."""
    repositories = [Repository(url, credentials)] if credentials else []
    on_request: Callable[[Request], None] = (seen if seen is not None else []).append
    network = Network(Bounds(idle=patience), on_request)
    sources = Sources(folder / "mirrors", HandClock(), repositories=repositories, network=network)
    try:
        yield sources
    finally:
        await sources.aclose()


async def test_over_http(repo: Repo, tmp_path: Path) -> None:
    """Smart HTTP works: a clone, an unchanged poll, a fetch, an id that no branch has."""
    repo.commit({"a": "1"})
    hidden = repo.commit({"a": "hidden"}, branch="tmp")
    repo.delete("refs/heads/tmp")
    repo.git.config["uploadpack.allowAnySHA1InWant"] = "true"
    with GitServer(repo.path.parent).running() as root:
        async with following(tmp_path) as sources:
            url = f"{root}/app.git"
            assert (await sources.snapshot_of(url)).tree.read("a") == b"1"
            assert not await sources.poll(url)
            commit = repo.commit({"a": "2"})
            assert await sources.poll(url)
            assert (await sources.snapshot_of(url)).commit.id == commit
            assert (await sources.snapshot_of(url, hidden)).tree.read("a") == b"hidden"


async def test_what_a_snapshot_fetched_is_news(repo: Repo, tmp_path: Path) -> None:
    """A push that comes along when somebody looks is told of by the next poll, once: the others have not seen it yet."""
    repo.commit({"a": "1"})
    with GitServer(repo.path.parent).running() as root:
        async with following(tmp_path) as sources:
            url = f"{root}/app.git"
            await sources.snapshot_of(url)
            assert not await sources.poll(url)
            commit = repo.commit({"a": "2"})
            sources.distrust()
            assert (await sources.snapshot_of(url)).commit.id == commit
            assert await sources.poll(url)
            assert not await sources.poll(url)
            repo.ref("refs/pull/1/head", commit)
            repo.commit({"a": "3"})
            await sources.snapshot_of(url, "refs/pull/1/head")
            assert await sources.poll(url)
            assert not await sources.poll(url)


@pytest.mark.parametrize(("login", "user"), [(f"bob:{SECRET}", "bob"), (f"x-access-token:{SECRET}", "")])
async def test_password_and_token(repo: Repo, tmp_path: Path, secret: Path, login: str, user: str) -> None:
    """A password goes with its user, a token with a name that servers take for one; both are read anew for each operation."""
    repo.commit({"a": "1"})
    server = GitServer(repo.path.parent, login)
    with server.running() as root:
        url = f"{root}/app.git"
        credentials = Credentials(username=user, insecure_send_unencrypted=True)
        credentials = replace(credentials, password=secret) if user else replace(credentials, token=secret)
        async with following(tmp_path, root, credentials) as sources:
            assert await sources.poll(url)
            server.login = login.replace(SECRET, "rotated")
            with pytest.raises(SourceError, match="the server refuses the configured credentials") as raised:
                await sources.poll(url)
            assert SECRET not in str(raised.value)
            secret.write_text("rotated")  # noqa: ASYNC240 - a few bytes
            assert not await sources.poll(url, force=True)


async def test_without_credentials(repo: Repo, tmp_path: Path) -> None:
    """A server that asks for credentials which are not configured is an error that says what to do."""
    repo.commit({"a": "1"})
    with GitServer(repo.path.parent, "bob:x").running() as root:
        async with following(tmp_path) as sources:
            with pytest.raises(SourceError, match="none that it takes are configured"):
                await sources.poll(f"{root}/app.git")


async def test_not_over_plain_http(tmp_path: Path, secret: Path) -> None:
    """Credentials are not sent where anybody can read them, unless that is asked for by name."""
    with GitServer(tmp_path).running() as root:
        async with following(tmp_path, root, Credentials(token=secret)) as sources:
            with pytest.raises(SourceError, match="credentials are not sent over http://"):
                await sources.poll(f"{root}/app.git")


async def test_not_to_another_server(repo: Repo, tmp_path: Path, secret: Path) -> None:
    """A redirect to another server does not take the credentials there."""
    repo.commit({"a": "1"})
    first, second = GitServer(repo.path.parent), GitServer(repo.path.parent, f"x-access-token:{SECRET}")
    with first.running() as root, second.running() as elsewhere:
        first.redirect = elsewhere.replace("127.0.0.1", "localhost")
        async with following(tmp_path, root, Credentials(token=secret, insecure_send_unencrypted=True)) as sources:
            with pytest.raises(SourceError, match="redirects to localhost"):
                await sources.poll(f"{root}/app.git")
    assert not any(authorization for _, authorization in second.seen)


async def test_url_with_password(repo: Repo, tmp_path: Path) -> None:
    """A password in a URL works as people expect, and is shown nowhere."""
    commit = repo.commit({"a": "1"})
    seen: list[Request] = []
    server = GitServer(repo.path.parent, f"bob:{SECRET}")
    with server.running() as root:
        async with following(tmp_path, seen=seen) as sources:
            url = f"{root}/app.git".replace("http://", f"http://bob:{SECRET}@")
            snapshot = await sources.snapshot_of(url)
            assert snapshot.commit.id == commit
            server.login = "nobody:knows"
            with pytest.raises(SourceError) as raised:
                await sources.poll(url)
            shown = f"{snapshot!r} {raised.value} {sources.status()} {seen} {[*(tmp_path / 'mirrors').rglob('*')]}"
    assert SECRET not in shown
    assert base64.b64decode(server.seen[1][1].removeprefix("Basic ")).decode() == f"bob:{SECRET}"
    files = [file for file in (tmp_path / "mirrors").rglob("*") if file.is_file()]
    assert not any(SECRET.encode() in file.read_bytes() for file in files)


async def test_tls(repo: Repo, tmp_path: Path) -> None:
    """A certificate that nobody vouches for is refused, unless its authority is configured or it need not be verified."""
    repo.commit({"a": "1"})
    cert, key = certificate(tmp_path / "tls")
    with GitServer(repo.path.parent).running((cert, key)) as root:
        url = f"{root}/app.git"
        async with following(tmp_path) as sources:
            with pytest.raises(SourceError, match=r"the TLS certificate of 127\.0\.0\.1 is not valid"):
                await sources.poll(url)
        async with following(tmp_path, root, Credentials(ca=cert)) as sources:
            assert await sources.poll(url)
        async with following(tmp_path, root, Credentials(insecure_skip_tls_verify=True)) as sources:
            assert not await sources.poll(url)


async def test_an_authority_of_one_is_none_of_others(repo: Repo, tmp_path: Path) -> None:
    """An authority that is configured for one repository is not trusted for another."""
    repo.commit({"a": "1"})
    other = Repo(tmp_path / "remote" / "other.git")
    other.commit({"a": "1"})
    cert, key = certificate(tmp_path / "tls")
    with GitServer(repo.path.parent).running((cert, key)) as root:
        async with following(tmp_path, f"{root}/app", Credentials(ca=cert)) as sources:
            assert await sources.poll(f"{root}/app.git")
            with pytest.raises(SourceError, match="is not valid"):
                await sources.poll(f"{root}/other.git")


async def test_a_hanging_server_is_given_up(tmp_path: Path) -> None:
    """A server that accepts and never answers ends with the deadline, and the next poll finds it backing off."""
    seen: list[Request] = []
    with hanging() as port:
        url = f"http://127.0.0.1:{port}/app.git"
        async with following(tmp_path, patience=1, seen=seen) as sources:
            for _ in range(2):
                with pytest.raises(SourceError):
                    await sources.poll(url)
    assert len(seen) == 1


async def test_a_hanging_server_holds_up_nobody_else(repo: Repo, tmp_path: Path) -> None:
    """While many repositories of a dead server wait for it, one on another server is polled."""
    repo.commit({"a": "1"})
    with hanging() as port, GitServer(repo.path.parent).running() as root:
        async with following(tmp_path, patience=600) as sources:
            dead = [asyncio.create_task(sources.poll(f"http://127.0.0.1:{port}/{number}.git")) for number in range(20)]
            assert await sources.poll(f"{root.replace('127.0.0.1', 'localhost')}/app.git")
            assert not any(task.done() for task in dead)
            for task in dead:
                task.cancel()
            await asyncio.gather(*dead, return_exceptions=True)


async def test_a_server_that_stalls_in_a_fetch(repo: Repo, tmp_path: Path) -> None:
    """A fetch in which no more bytes come is ended, leaves the mirror as it was, and is made up for later."""
    first = repo.commit({"a": "1"})
    server = GitServer(repo.path.parent)
    with server.running() as root:
        url = f"{root}/app.git"
        async with following(tmp_path, patience=4) as sources:
            await sources.poll(url)
            second = repo.commit({"a": "2"})
            server.stalled = True
            with pytest.raises(SourceError):
                await sources.poll(url)
            assert (await sources.snapshot_of(url)).commit.id == first
            server.stalled = False
            assert await sources.poll(url, force=True)
            assert (await sources.snapshot_of(url)).commit.id == second


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
async def test_over_ssh(repo: Repo, tmp_path: Path, algorithm: str) -> None:
    """SSH works with a key and known hosts, whichever kind they are."""
    repo.commit({"a": "1"})
    server = SshServer(repo.path.parent, algorithm)
    async with server.running() as root, following(tmp_path, root, ssh_credentials(tmp_path, server)) as sources:
        assert (await sources.snapshot_of(f"{root}/app.git")).tree.read("a") == b"1"
        assert not await sources.poll(f"{root}/app.git")
        commit = repo.commit({"a": "2"})
        assert await sources.poll(f"{root}/app.git")
        assert (await sources.snapshot_of(f"{root}/app.git")).commit.id == commit


async def test_key_with_passphrase(repo: Repo, tmp_path: Path) -> None:
    """A key may be encrypted; without its passphrase the error holds neither."""
    repo.commit({"a": "1"})
    server = SshServer(repo.path.parent)
    async with server.running() as root:
        credentials = ssh_credentials(tmp_path, server, passphrase=SECRET)
        async with following(tmp_path, root, credentials) as sources:
            assert await sources.poll(f"{root}/app.git")
        async with following(tmp_path, root, replace(credentials, ssh_passphrase=None)) as sources:
            with pytest.raises(SourceError) as raised:
                await sources.poll(f"{root}/app.git")
            assert "PRIVATE KEY" not in str(raised.value)


async def test_unknown_host_keys_are_refused(repo: Repo, tmp_path: Path) -> None:
    """A host key that is not among the known hosts is refused before anything is sent; so is any where none are configured."""
    repo.commit({"a": "1"})
    server, impostor = SshServer(repo.path.parent), SshServer(repo.path.parent)
    async with server.running() as root:
        credentials = ssh_credentials(tmp_path, server)
        impostor.port = server.port
        (tmp_path / "known_hosts").write_text(impostor.known_hosts)
        async with following(tmp_path, root, credentials) as sources:
            with pytest.raises(SourceError, match=r"the host key of 127\.0\.0\.1 is not the one among the known hosts"):
                await sources.poll(f"{root}/app.git")
        async with following(tmp_path, root, replace(credentials, known_hosts=None)) as sources:
            with pytest.raises(SourceError, match="can't be checked, as no known hosts are configured"):
                await sources.poll(f"{root}/app.git")
        insecure = replace(credentials, known_hosts=None, insecure_ignore_host_key=True)
        async with following(tmp_path, root, insecure) as sources:
            assert await sources.poll(f"{root}/app.git")


async def test_known_hosts_of_one_are_none_of_others(repo: Repo, tmp_path: Path) -> None:
    """The known hosts of one repository don't vouch for another's, though they are a setting of libgit2's whole process."""
    repo.commit({"a": "1"})
    server, other = SshServer(repo.path.parent), SshServer(repo.path.parent)
    async with server.running() as root, other.running() as elsewhere:
        first = Repository(root, ssh_credentials(tmp_path, server))
        (tmp_path / "other").mkdir()
        second = Repository(elsewhere, replace(ssh_credentials(tmp_path / "other", other), known_hosts=tmp_path / "known_hosts"))
        sources = Sources(tmp_path / "mirrors", HandClock(), repositories=[first, second])
        assert await sources.poll(f"{root}/app.git")
        with pytest.raises(SourceError, match="is not the one among the known hosts"):
            await sources.poll(f"{elsewhere}/app.git")
        await sources.aclose()


async def test_a_key_that_is_not_let_in(repo: Repo, tmp_path: Path) -> None:
    """A key that the server does not take is an error, not an endless conversation."""
    server, other = SshServer(repo.path.parent), SshServer(repo.path.parent)
    async with server.running() as root:
        credentials = ssh_credentials(tmp_path, server)
        (tmp_path / "ssh_key").write_bytes(other.user_key.export_private_key())
        async with following(tmp_path, root, credentials) as sources:
            with pytest.raises(SourceError, match="the server refuses the configured credentials"):
                await sources.poll(f"{root}/app.git")


def ssh_credentials(folder: Path, server: SshServer, passphrase: str = "") -> Credentials:
    """The key that `server` lets in, and its host key."""
    (folder / "ssh_key").write_bytes(
        server.user_key.export_private_key("pkcs8-pem" if passphrase else "openssh", passphrase or None)
    )
    (folder / "known_hosts").write_text(server.known_hosts)
    (folder / "passphrase").write_text(f"{passphrase}\n")
    return Credentials(
        ssh_key=folder / "ssh_key",
        ssh_passphrase=folder / "passphrase" if passphrase else None,
        known_hosts=folder / "known_hosts",
    )


async def test_unreadable_credentials(tmp_path: Path) -> None:
    """A credentials file that is not there is an error that names it."""
    credentials = Credentials(token=tmp_path / "missing")
    async with following(tmp_path, "https://127.0.0.1:1", credentials) as sources:
        with pytest.raises(SourceError, match=r"credentials file .*/missing can't be read: No such file"):
            await sources.poll("https://127.0.0.1:1/app.git")


def test_credentials_show_nothing(secret: Path) -> None:
    """Neither the names of the files nor what they hold is in any text form."""
    from gitopsd.source.urls import parse_url  # noqa: PLC0415

    credentials = Credentials(username="bob", password=secret, known_hosts=secret)
    access = credentials.read(parse_url("https://example.org/a"))
    assert access.password == SECRET
    for text in (
        repr(credentials),
        str(credentials),
        repr(access),
        f"{access}",
        repr(parse_url(f"https://bob:{SECRET}@x.org/a")),
    ):
        assert SECRET not in text
        assert str(secret) not in text
