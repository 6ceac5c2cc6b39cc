"""The talk with a Git server. These functions block, so they run in children (`gitopsd.children`).

What libgit2 can't, as of 1.9: client certificates, fetching a part of the objects, verifying signatures. What it leaves to us:
it takes any SSH host key unless told otherwise, and its timeouts and known hosts are settings of the whole process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlsplit

import pygit2
from pygit2.enums import CredentialType

from gitopsd.model.errors import SourceError
from gitopsd.source.credentials import Access
from gitopsd.source.objects import configure_libgit2
from gitopsd.source.urls import Location

if TYPE_CHECKING:
    from pygit2.remotes import TransferProgress

HEADS, TAGS = "refs/heads/", "refs/tags/"


@dataclass(frozen=True, slots=True)
class Refs:
    """What a repository calls its commits: full reference names with object ids, and where HEAD leads.

    `head` is a reference's name, an object id where HEAD is detached, or empty where there is none.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    head: str = ""

    def followed(self, others: frozenset[str]) -> Refs:
        """Only branches, tags, and those of the `others`: servers show a reference for each pull request there ever was."""
        return Refs({name: oid for name, oid in self.ids.items() if name.startswith((HEADS, TAGS)) or name in others}, self.head)


@dataclass(frozen=True, slots=True)
class Bounds:
    """`idle` seconds without a byte end an operation, as `size` bytes of objects do."""

    idle: float = 30.0
    size: int = 4 << 30


def list_refs(location: Location, access: Access, bounds: Bounds) -> Refs:
    """Asks the server for its references. Raises SourceError."""
    with Connection(location, access, bounds) as connection:
        return connection.refs()


class Connection:
    """One connection to a server, in `repository` (in memory where nothing is fetched). Errors of libgit2 become SourceErrors."""

    def __init__(self, location: Location, access: Access, bounds: Bounds, repository: pygit2.Repository | None = None) -> None:
        self._location, self._access, self._bounds = location, access, bounds
        self._callbacks = _Callbacks(location, access, bounds)
        self._repository = repository or pygit2.Repository()
        # Where none is configured, the environment may name one (HTTPS_PROXY, NO_PROXY), as for everything else in a pod.
        self._proxy: str | Literal[True] = access.proxy or True

    def __enter__(self) -> Self:
        if self._location.scheme == "file" and not Path(self._location.path).is_dir():
            raise SourceError("there is no such folder", self._location.public)
        with ExitStack() as stack:
            self._configure(stack)
            self._remote = self._repository.remotes.create_anonymous(self._location.public)
            with self._translated():
                self._remote.connect(self._callbacks, proxy=self._proxy)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def refs(self) -> Refs:
        """What the server showed when it was connected to."""
        heads = [head for head in self._remote.list_heads(connect=False) if head.name and not head.name.endswith("^{}")]
        ids = {str(head.name): str(head.oid) for head in heads}
        detached = ids.pop("HEAD", "")
        symbolic = next((head.symref_target for head in heads if head.name == "HEAD"), None)
        if symbolic and symbolic in ids:
            return Refs(ids, symbolic)
        # A server that doesn't say where HEAD leads: the usual names first, then any branch at the same commit.
        alike = sorted(name for name, oid in ids.items() if oid == detached and name.startswith(HEADS))
        usual = [name for name in (f"{HEADS}main", f"{HEADS}master") if name in alike]
        return Refs(ids, next(iter((*usual, *alike)), detached))

    def fetch(self, refspecs: list[str]) -> None:
        """Brings what the refspecs name. Raises SourceError."""
        with self._translated():
            self._remote.fetch(refspecs, callbacks=self._callbacks, proxy=self._proxy)

    def _configure(self, stack: ExitStack) -> None:
        configure_libgit2()
        settings = pygit2.settings
        settings.server_timeout = settings.server_connect_timeout = int(self._bounds.idle * 1000)
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gitopsd-")))
        (home / ".ssh").mkdir()
        (home / ".ssh" / "known_hosts").write_text(self._access.known_hosts)
        settings.homedir = str(home)
        if self._access.ca:
            (home / "ca.pem").write_text(self._access.ca)
            settings.set_ssl_cert_locations(str(home / "ca.pem"), None)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (pygit2.GitError, OSError, KeyError, ValueError) as error:
            message = str(error).strip() or type(error).__name__
            for value in self._access.values:
                message = message.replace(value, "***")
            raise SourceError(message, self._location.public) from None


class _Callbacks(pygit2.RemoteCallbacks):
    """Answers libgit2's questions. What is raised here ends the connection and comes out of the call that led here."""

    def __init__(self, location: Location, access: Access, bounds: Bounds) -> None:
        super().__init__()
        self._location, self._access, self._bounds = location, access, bounds
        self._offered = CredentialType(0)

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.Username | pygit2.UserPass | pygit2.Keypair:
        asked = urlsplit(url).hostname
        if asked and not self._location.home and asked != self._location.host:
            raise self._refusal(f"the server redirects to {asked}, which was not meant to get the credentials")
        for kind, offer in self._offers(username_from_url or self._access.username or "git").items():
            if allowed_types & kind and not self._offered & kind:  # libgit2 asks again as long as it gets an answer
                self._offered |= kind
                return offer
        if self._offered & ~CredentialType.USERNAME:
            raise self._refusal("the server refuses the configured credentials")
        raise self._refusal(
            "not found, or only with credentials: the server asks for some, and none that it takes are configured"
        )

    def _offers(self, user: str) -> Mapping[CredentialType, pygit2.Username | pygit2.UserPass | pygit2.Keypair]:
        access = self._access
        offers: dict[CredentialType, pygit2.Username | pygit2.UserPass | pygit2.Keypair] = {
            CredentialType.USERNAME: pygit2.Username(user)
        }
        if access.ssh_key:
            offers[CredentialType.SSH_KEY] = pygit2.KeypairFromMemory(user, "", access.ssh_key, access.ssh_passphrase)
        if access.password:
            offers[CredentialType.USERPASS_PLAINTEXT] = pygit2.UserPass(access.username or user, access.password)
        return offers

    def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:  # noqa: ARG002, FBT001 - pygit2's signature
        ssh = self._location.scheme == "ssh"
        if valid or not (self._access.verify_host_key if ssh else self._access.verify_tls):
            return True
        name = host.decode("utf-8", "replace")
        if not ssh:
            raise self._refusal(f"the TLS certificate of {name} is not valid, or not from an authority that is trusted here")
        if not self._access.known_hosts:
            raise self._refusal(f"the host key of {name} can't be checked, as no known hosts are configured")
        raise self._refusal(
            f"the host key of {name} is not the one among the known hosts (ssh-keyscan {name} shows what it is now)"
        )

    def transfer_progress(self, stats: TransferProgress) -> None:
        if stats.received_bytes > self._bounds.size:
            raise self._refusal(f"the repository is larger than {self._bounds.size >> 20} MiB")

    def _refusal(self, why: str) -> SourceError:
        return SourceError(why, self._location.public)
