"""What kustomize takes for the URL of something elsewhere, and for which part of it."""

from __future__ import annotations

import re

from gitopsd.model.errors import RenderError
from gitopsd.render.needs import RemoteBase, RemoteFile

_SCHEME = re.compile(r"(?:git::)?(?:https?|ssh|git|file)://|gh:|git::")
_SCP = re.compile(r"(?:[\w.+-]+@)?[\w.-]+\.[\w-]+:(?!//)")
_USER_AT_HOST = re.compile(r"[\w.+-]+@[\w.-]+[:/]")
_KNOWN_HOST = re.compile(r"(?:www\.)?github\.com[:/]")
_FALSE = ("0", "f", "F", "false", "False", "FALSE")
_FILE = re.compile(r"\.(?:ya?ml|json)$", re.IGNORECASE)


def is_remote(path: str) -> bool:
    """Whether a path is a URL, or one of the short forms for a repository (`github.com/org/repo`, `git@host:org/repo`)."""
    return any(form.match(path) for form in (_SCHEME, _SCP, _USER_AT_HOST, _KNOWN_HOST))


def parse_remote(url: str) -> RemoteBase | RemoteFile:
    """The repository, the path in it and the ref of a URL; `//` or `.git/` parts repository and path.

    Of kustomize's other parameters, `timeout` is ours to say, and submodules are never fetched. Raises RenderError where they
    are asked for.
    """
    address, _, query = url.partition("?")
    if address.startswith(("http://", "https://")) and _FILE.search(address) and "ref" not in query:
        return RemoteFile(url)
    from urllib.parse import parse_qs  # noqa: PLC0415 - most builds meet no URL, and it takes longer to load than some

    parameters = parse_qs(query)
    ref = next((parameters[name][0] for name in ("ref", "version") if name in parameters), "")
    if parameters.get("submodules", ["false"])[0] not in _FALSE:
        raise RenderError(f"{url}: submodules are not fetched; name the repository of the submodule instead")
    repository, path = _split(address.removeprefix("git::"))
    return RemoteBase(url, repository, path.strip("/"), ref)


def _split(address: str) -> tuple[str, str]:
    scheme_end = address.find("://") + 3 if "://" in address else 0
    rest = address[scheme_end:]
    for mark, keep in (("//", 0), (".git/", 4), ("_git/", None)):
        at = rest.find(mark)
        if at < 0:
            continue
        if keep is None:
            name_end = rest.find("/", at + len(mark))
            end = name_end if name_end >= 0 else len(rest)
        else:
            end = at + keep
        return _full(address[:scheme_end] + rest[:end]), rest[end:]
    if rest.endswith(".git") or address.startswith("file://"):
        return _full(address), ""
    host, *parts = re.split(r"(?<=[^:/])[:/]", rest, maxsplit=1)
    names = parts[0].split("/") if parts else []
    length = len(host) + 1 + len("/".join(names[:2]))
    return _full(address[:scheme_end] + rest[:length]), "/".join(names[2:])


def _full(repository: str) -> str:
    """The URL that Git takes for the short forms."""
    if repository.startswith("gh:"):
        return "https://github.com/" + repository.removeprefix("gh:")
    return f"https://{repository}" if _KNOWN_HOST.match(repository) else repository
