"""Who we are to a Git server, and how we know that it is the server.

`Credentials` names files, which may change at any time (a rotated token in a mounted Secret); `read` gives what they hold
at this moment as an `Access`, for one operation. Neither shows any of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gitopsd.model.errors import SourceError
from gitopsd.source.urls import Location

_MAX_FILE = 1 << 20
TOKEN_USER = "x-access-token"  # noqa: S105 - GitHub's word; GitLab and Gitea take any name beside a token
"""The user name that goes with a token where none is configured (Bitbucket wants `x-token-auth`)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files that hold what a server asks for. All may be absent: a public repository needs none of it.

    `token` or `username` with `password` are for HTTPS; `ssh_key` (with `ssh_passphrase`) and `known_hosts` for SSH; `ca` holds
    the PEM certificates to trust besides the system's; `proxy` is a file too, as proxy URLs hold passwords. The insecure
    options are exactly what they say.
    """

    username: str = ""
    password: Path | None = None
    token: Path | None = None
    ssh_key: Path | None = None
    ssh_passphrase: Path | None = None
    known_hosts: Path | None = None
    ca: Path | None = None
    proxy: Path | None = None
    insecure_skip_tls_verify: bool = False
    insecure_ignore_host_key: bool = False
    insecure_send_unencrypted: bool = False

    def __repr__(self) -> str:
        """Nothing: even the names of files may tell too much."""
        return "Credentials(...)"

    def read(self, location: Location) -> Access:
        """What the files hold now. Raises SourceError, which names the file that can't be read."""
        secret = self.token or self.password
        if secret and not self.insecure_send_unencrypted:
            check_encrypted(location)

        def text(path: Path | None) -> str:
            return "" if path is None else _read(path, location.public)

        return Access(
            username=self.username or location.user or (TOKEN_USER if self.token else ""),
            password=text(secret).strip() or location.password,
            ssh_key=text(self.ssh_key),
            ssh_passphrase=text(self.ssh_passphrase).rstrip("\n"),
            known_hosts=text(self.known_hosts),
            ca=text(self.ca),
            proxy=text(self.proxy).strip(),
            verify_tls=not self.insecure_skip_tls_verify,
            verify_host_key=not self.insecure_ignore_host_key,
        )


@dataclass(frozen=True, slots=True)
class Access:
    """The values of one operation. It travels to a child over its pipe, and is shown nowhere."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    ssh_passphrase: str = field(default="", repr=False)
    known_hosts: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)
    verify_tls: bool = True
    verify_host_key: bool = True

    @property
    def values(self) -> tuple[str, ...]:
        """What no message may hold."""
        return tuple(value for value in (self.password, self.ssh_key, self.ssh_passphrase, self.proxy) if value)


def check_encrypted(location: Location) -> None:
    """Raises SourceError where others could read what is sent there."""
    if not location.encrypted:
        raise SourceError(
            f"credentials are not sent over {location.scheme}://, where anybody can read them; use https://", location.public
        )


def _read(path: Path, repository: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
        if len(data) > _MAX_FILE:
            raise SourceError(f"the credentials file {path} is larger than {_MAX_FILE >> 20} MiB", repository)
        return data.decode()
    except OSError as error:
        raise SourceError(f"the credentials file {path} can't be read: {error.strerror}", repository) from None
    except UnicodeDecodeError:
        raise SourceError(f"the credentials file {path} holds no text", repository) from None
