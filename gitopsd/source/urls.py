"""The URLs of repositories: what they name, and how they may be shown.

One repository has many spellings (`https://Host/org/app.git`, `https://host:443/org/app/`); all of them share one mirror.
`git@host:app` and `ssh://git@host/app` are two repositories, though: the former is below the user's home folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from gitopsd.model.errors import SourceError

_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_SCP_LIKE = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9a-fA-F:]+\]|[^@/:\[\]]+):(?P<path>.+)")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?")
_ENCRYPTED = ("https", "ssh")
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a repository is.

    `scheme` is https, http, ssh, git or file; `port` is None where it is the scheme's own; `home` says that `path` is below the
    home folder of `user`, as in `git@host:org/app`.
    """

    scheme: str
    path: str
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    home: bool = False

    @property
    def server(self) -> str:
        """Who answers: `github.com`, `git.example.org:8443`; empty for the local disk."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def public(self) -> str:
        """The URL as logs and people may see it: no password, and a user only where SSH needs one."""
        if self.scheme == "file":
            return self.path
        user = f"{self.user}@" if self.user and self.scheme == "ssh" else ""
        if self.home:
            return f"{user}{self.server}:{self.path}"
        return f"{self.scheme}://{user}{self.server}/{self.path}"

    @property
    def key(self) -> str:
        """The same for all spellings of one repository; on disk, `app` and `app.git` are two."""
        if self.scheme == "file":
            return self.path
        return self.public.removesuffix("/").removesuffix(".git").removesuffix("/")

    @property
    def place(self) -> tuple[str, str]:
        """Server and path: the same for all ways to one repository, of which a push names some and an application another."""
        return self.host, self.path.removesuffix(".git").casefold()

    @property
    def folder(self) -> str:
        """A name for its mirror's folder: readable, unique, without anything that a file system minds."""
        words = re.sub(r"[^A-Za-z0-9._]+", "-", f"{self.server}/{self.path}".removesuffix(".git")).strip("-.")
        return f"{words[-60:].strip('-.').lower()}-{hashlib.sha256(self.key.encode()).hexdigest()[:12]}"

    @property
    def encrypted(self) -> bool:
        """Whether what is sent there can't be read on the way."""
        return self.scheme in _ENCRYPTED


@lru_cache(maxsize=4096)
def parse_url(url: str) -> Location:
    """What `url` names: `https://`, `http://`, `ssh://`, `git://`, `file://`, `[user@]host:path`, or an absolute path.

    Raises SourceError, which does not repeat the URL: who mistypes one may have put a password anywhere in it.
    """
    if not url or any(ord(char) <= ord(" ") or ord(char) == 0x7F for char in url):  # noqa: PLR2004 - DEL
        raise _unusable("is empty or holds a blank")
    if url.startswith("/"):
        return Location("file", _local(url))
    if "://" in url:
        return _with_scheme(url)
    if match := _SCP_LIKE.fullmatch(url):
        path, user = match["path"], match["user"] or ""
        return Location("ssh", path.strip("/"), _host(match["host"].strip("[]")), user=user, home=not path.startswith("/"))
    raise _unusable("is neither a URL with a scheme, nor host:path, nor an absolute path")


def closest(known: Mapping[str, _V], key: str) -> _V | None:
    """What is known of a repository, or of the longest part of its path of which something is: `https://github.com/org`."""
    while key not in known:
        key = key.rpartition("/")[0]
        if not key or key.endswith("/"):
            return None
    return known[key]


def _with_scheme(url: str) -> Location:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unusable("has a host or port that is none") from None
    scheme = {"git+ssh": "ssh", "ssh+git": "ssh"}.get(parts.scheme.lower(), parts.scheme.lower())
    if scheme == "file" and parts.netloc in ("", "localhost"):
        return Location("file", _local(unquote(parts.path)))
    if scheme not in _PORTS:
        raise _unusable("has a scheme other than https, http, ssh, git or file")
    if parts.query or parts.fragment:
        raise _unusable("has a query or a fragment")
    return Location(
        scheme,
        parts.path.strip("/"),
        _host(parts.hostname or ""),
        None if port == _PORTS[scheme] else port,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _host(host: str) -> str:
    if not _HOST.fullmatch(host.strip("[]")) and ":" not in host:
        raise _unusable("has no usable host")
    return host.lower()


def _local(path: str) -> str:
    if not path.startswith("/"):
        raise _unusable("is a local path that is not absolute")
    return path if path == "/" else path.rstrip("/")


def _unusable(why: str) -> SourceError:
    return SourceError(f"the repository's URL {why}", "repository", retryable=False)
