"""Charts in Helm repositories (`https://`, an index.yaml) and in registries (`oci://`): versions, archives, their contents.

These functions block, so they run in children. (https://helm.sh/docs/topics/chart_repository/ and .../registries/)
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import Limits, load_documents
from gitopsd.model.errors import RenderError, SourceError
from gitopsd.source.credentials import Access
from gitopsd.source.limits import MAX_FILE
from gitopsd.source.remote import Bounds
from gitopsd.source.urls import Location
from gitopsd.source.web import Browser

OCI = "oci://"
_INDEX = Limits(bytes=64 << 20)
_ARCHIVE = 64 << 20
_FILES = 10_000
_PAGES = 100
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a chart. `url` is where its archive is (a tag's manifest in a registry), `digest` its SHA-256 where known."""

    name: str
    url: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of a chart by their paths in it, and the SHA-256 of what they were packed into."""

    digest: str
    files: dict[str, bytes]


def versions(location: Location, access: Access, bounds: Bounds, repository: str, chart: str) -> tuple[Version, ...]:
    """The versions of a chart, as the repository lists them. Raises SourceError."""
    browser = Browser(location, access, bounds)
    if repository.startswith(OCI):
        return _tags(browser, repository, chart)
    index = f"{repository.rstrip('/')}/index.yaml"
    try:
        documents = load_documents(browser.get(index, _INDEX.bytes).body, "index.yaml", Dialect.KUBECTL, _INDEX)
    except RenderError as error:
        raise SourceError(f"its index can't be read: {error}", location.public) from error
    entries = documents[0].get("entries") if documents and isinstance(documents[0], dict) else None
    listed = entries.get(chart) if isinstance(entries, dict) else None
    if not isinstance(listed, list):
        raise SourceError(f"has no chart {chart!r}", location.public)
    return tuple(version for entry in listed if (version := _listed(entry, index)) is not None)


def _listed(entry: Any, index: str) -> Version | None:
    urls = entry.get("urls") if isinstance(entry, dict) else None
    if not isinstance(urls, list) or not urls or not isinstance(urls[0], str):
        return None
    return Version(str(entry.get("version")), urljoin(index, urls[0]), str(entry.get("digest") or "").removeprefix("sha256:"))


def _tags(browser: Browser, repository: str, chart: str) -> tuple[Version, ...]:
    base = _registry(repository, chart)
    url, found = f"{base}/tags/list?n=1000", list[Version]()
    for _ in range(_PAGES):
        answer = browser.get(url, _ARCHIVE)
        tags: Any = json.loads(answer.body).get("tags") or []
        # A tag has no `+`: Helm writes `_` in its place.
        found += [Version(str(tag).replace("_", "+"), f"{base}/manifests/{tag}") for tag in tags]
        link = answer.headers.get("Link", "")
        if "<" not in link:
            break
        url = urljoin(base, link.partition("<")[2].partition(">")[0])
    return tuple(found)


def _registry(repository: str, chart: str) -> str:
    host, _, path = repository.removeprefix(OCI).strip("/").partition("/")
    return f"https://{host}/v2/{f'{path}/' if path else ''}{chart}"


def archive(location: Location, access: Access, bounds: Bounds, repository: str, version: Version) -> Archive:
    """The contents of a version. Raises SourceError where it is not what its digest says, or is no chart."""
    browser = Browser(location, access, bounds)
    url, digest = version.url, version.digest
    if repository.startswith(OCI):
        url, digest = _layer(browser, location, version)
    data = browser.get(url, _ARCHIVE).body
    found = hashlib.sha256(data).hexdigest()
    if digest and found != digest:
        raise SourceError(f"the chart {version.name} is not the one that is listed: its digest is {found}", location.public)
    return Archive(found, _unpacked(data, location))


def _layer(browser: Browser, location: Location, version: Version) -> tuple[str, str]:
    manifest: Any = json.loads(browser.get(version.url, _ARCHIVE, {"Accept": _MANIFEST}).body)
    for layer in manifest.get("layers") or ():
        if layer.get("mediaType") == _LAYER:
            digest = str(layer.get("digest"))
            return f"{version.url.partition('/manifests/')[0]}/blobs/{digest}", digest.removeprefix("sha256:")
    raise SourceError(f"{version.name} is no chart, but something else in a registry", location.public)


def _unpacked(data: bytes, location: Location) -> dict[str, bytes]:
    """The files below the archive's one folder. Links and all that is no file is left out, paths that go up are refused."""
    files: dict[str, bytes] = {}
    left = _ARCHIVE
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as packed:
            for member in packed:
                path = member.name.removeprefix("./").partition("/")[2]
                if not member.isfile() or not path:
                    continue
                left -= member.size
                if left < 0 or member.size > MAX_FILE or len(files) >= _FILES:
                    raise SourceError("the chart is too large when unpacked", location.public)
                if any(part in ("", ".", "..") for part in path.split("/")):
                    raise SourceError("the chart has a path that leads out of it", location.public)
                content = packed.extractfile(member)
                files[path] = content.read() if content else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SourceError(f"the chart can't be unpacked: {error}", location.public) from error
    return files


def content(location: Location, access: Access, bounds: Bounds, url: str) -> Archive:
    """A single file, under the name that needs give it. Raises SourceError."""
    data = Browser(location, access, bounds).get(url, MAX_FILE).body
    return Archive(hashlib.sha256(data).hexdigest(), {"file": data})
