"""Charts of Helm repositories and registries, and files behind URLs: from servers on loopback that speak TLS."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.errors import SourceError
from gitopsd.render.needs import RemoteChart, RemoteFile
from gitopsd.source.credentials import Credentials
from gitopsd.source.network import Network
from gitopsd.source.remote import Bounds
from gitopsd.source.sources import Repository, Sources
from tests.charts import CHART, packed
from tests.source.conftest import HandClock
from tests.source.server import certificate

LOGIN = "robot:hunter2"


class Store(ThreadingHTTPServer):
    """Serves `pages` by path; who has no `token` is sent to /token, which wants the login. `seen` has paths and authorization."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, bytes | tuple[int, str]] = {}
        self.token = self.login = ""
        self.seen: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def publish(self, *versions: str, digest: str = "") -> None:
        """A Helm repository in /charts with these versions of the chart `web`."""
        entries = []
        for version in versions:
            data = packed({**CHART, "Chart.yaml": f"apiVersion: v2\nname: web\nversion: {version}\n"})
            self.pages[f"/charts/web-{version}.tgz"] = data
            listed = digest or hashlib.sha256(data).hexdigest()
            entries.append({"version": version, "urls": [f"web-{version}.tgz"], "digest": listed})
        self.pages["/charts/index.yaml"] = json.dumps({"entries": {"web": entries}}).encode()

    def push(self, version: str) -> None:
        """The chart `web` in a registry, below /v2/team."""
        data = packed()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        layer = {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": digest}
        self.pages[f"/v2/team/web/manifests/{version}"] = json.dumps({"layers": [layer]}).encode()
        self.pages[f"/v2/team/web/blobs/{digest}"] = data
        listed = self.pages.get("/v2/team/web/tags/list?n=1000", b"{}")
        assert isinstance(listed, bytes)
        tags = [*json.loads(listed).get("tags", []), version]
        self.pages["/v2/team/web/tags/list?n=1000"] = json.dumps({"tags": tags}).encode()

    @contextmanager
    def running(self, tls: tuple[Path, Path]) -> Iterator[None]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Store

    def do_GET(self) -> None:
        store, authorization = self.server, self.headers.get("Authorization", "")
        store.seen.append((self.path, authorization))
        if self.path.startswith("/token?") and authorization == f"Basic {base64.b64encode(LOGIN.encode()).decode()}":
            self._answer(200, json.dumps({"token": store.token}).encode())
        elif store.token and authorization != f"Bearer {store.token}":
            self.send_response(401)
            realm = f'Bearer realm="https://{store.address}/token",service="registry",scope="repository:team/web:pull"'
            self.send_header("WWW-Authenticate", realm)
            self.end_headers()
        else:
            page = store.pages.get(self.path, (404, ""))
            self._answer(200, page) if isinstance(page, bytes) else self._answer(page[0], b"", page[1])

    def _answer(self, code: int, body: bytes, location: str = "") -> None:
        self.send_response(code)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A server whose certificate is in `tls/`."""
    store = Store()
    with store.running(certificate(tmp_path / "tls")):
        yield store


@pytest.fixture
async def sources(store: Store, tmp_path: Path) -> AsyncIterator[Sources]:
    """What trusts that server, and has its login."""
    (tmp_path / "password").write_text("hunter2")
    (authority,) = (tmp_path / "tls").glob("*cert*")
    credentials = Credentials(username="robot", password=tmp_path / "password", ca=authority)
    repositories = [Repository(f"{scheme}://{store.address}", credentials) for scheme in ("https", "oci")]
    sources = Sources(tmp_path / "mirrors", HandClock(), repositories=repositories, network=Network(Bounds(idle=20)))
    yield sources
    await sources.aclose()


def app(store: Store, revision: str, repository: str = "") -> App:
    """An application whose source is the chart."""
    source = Source(repository or f"https://{store.address}/charts", chart="web", target_revision=revision)
    return App(AppKey("argocd", "shop"), AppSpec(Destination(server="https://x"), source=source))


async def commit(sources: Sources, app: App, revision: str = "") -> str:
    """The version that the application's chart is pinned to."""
    (snapshot,) = await sources.snapshots(app, (revision,) if revision else ())
    return snapshot.commit.id.partition("@")[0]


@pytest.mark.parametrize(
    ("revision", "version"),
    [
        ("1.1.0", "1.1.0"),
        ("v1.1.0", "1.1.0"),
        ("^1.0", "1.2.0"),
        ("", "2.0.0"),
        ("HEAD", "2.0.0"),
        ("*", "2.0.0"),
        (">0.0.0-0", "2.1.0-rc.1"),
    ],
)
async def test_versions_of_a_repository(store: Store, sources: Sources, revision: str, version: str) -> None:
    """`targetRevision` is a version or a range of them; nothing is the newest, and pre-releases only where they are named."""
    store.publish("1.1.0", "1.2.0", "2.1.0-rc.1", "2.0.0")
    (snapshot,) = await sources.snapshots(app(store, revision))
    name, _, digest = snapshot.commit.id.partition("@sha256:")
    data = store.pages[f"/charts/web-{version}.tgz"]
    assert isinstance(data, bytes)
    assert (name, digest) == (version, hashlib.sha256(data).hexdigest())
    assert snapshot.tree.read("Chart.yaml") == f"apiVersion: v2\nname: web\nversion: {version}\n".encode()
    assert snapshot.tree.read("templates/hook.yaml")


async def test_polling_a_repository(store: Store, sources: Sources) -> None:
    """Between polls nothing is asked; a range moves with a new version, and only then."""
    store.publish("1.1.0")
    shop = app(store, "^1")
    followed = shop.sources[0].followed
    assert await commit(sources, shop) == "1.1.0"
    store.seen.clear()
    assert await commit(sources, shop) == "1.1.0"
    assert store.seen == []
    assert not await sources.poll(followed)
    store.publish("1.1.0", "1.2.0")
    assert await sources.poll(followed)
    assert await commit(sources, shop) == "1.2.0"
    assert await commit(sources, shop, "1.1.0") == "1.1.0"


async def test_what_a_pass_found_is_news(store: Store, sources: Sources) -> None:
    """A version that somebody who distrusts has found is told of by the next poll, once: the others have not seen it yet."""
    store.publish("1.1.0")
    shop = app(store, "^1")
    followed = shop.sources[0].followed
    assert await commit(sources, shop) == "1.1.0"
    sources.distrust()
    assert not await sources.poll(followed)
    store.publish("1.1.0", "1.2.0")
    sources.distrust()
    assert await commit(sources, shop) == "1.2.0"
    assert await sources.poll(followed)
    assert not await sources.poll(followed)


async def test_what_is_not_there(store: Store, sources: Sources) -> None:
    """A chart, a version, a repository that is missing: each is named. What was found before stays when a poll fails."""
    store.publish("1.1.0")
    with pytest.raises(SourceError, match=r"the chart web has no version '\^3'; the newest are 1\.1\.0"):
        await commit(sources, app(store, "^3"))
    with pytest.raises(SourceError, match="has no chart 'db'"):
        await sources.fetch(RemoteChart(f"https://{store.address}/charts", "db", ""))
    with pytest.raises(SourceError, match=r"nothing/index\.yaml: 404"):
        await commit(sources, app(store, "", f"https://{store.address}/nothing"))
    shop = app(store, "^1")
    assert await commit(sources, shop) == "1.1.0"
    store.pages.clear()
    with pytest.raises(SourceError, match="404"):
        await sources.poll(shop.sources[0].followed)
    assert await commit(sources, shop) == "1.1.0"


async def test_chart_that_was_changed(store: Store, sources: Sources) -> None:
    """An archive that is not what the index lists is refused."""
    store.publish("1.1.0", digest="0" * 64)
    with pytest.raises(SourceError, match=r"the chart 1\.1\.0 is not the one that is listed"):
        await commit(sources, app(store, ""))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (packed({"../../evil": "x"}), "a path that leads out of it"),
        (b"no archive", "can't be unpacked"),
        (packed({"big": b"\0" * (33 << 20)}), "too large when unpacked"),
    ],
    ids=["path", "garbage", "bomb"],
)
async def test_hostile_archives(store: Store, sources: Sources, data: bytes, message: str) -> None:
    """What is unpacked is bounded, and stays in the chart."""
    store.publish("1.1.0", digest=hashlib.sha256(data).hexdigest())
    store.pages["/charts/web-1.1.0.tgz"] = data
    with pytest.raises(SourceError, match=message):
        await commit(sources, app(store, ""))


async def test_registry(store: Store, sources: Sources) -> None:
    """A registry gives tags, a manifest and the chart; the token that it wants is had with the login, and shown nowhere."""
    store.token = "token-of-the-registry"
    store.push("1.2.3")
    store.push("1.3.0_build.5")
    shop = app(store, "~1.2", f"oci://{store.address}/team")
    assert await commit(sources, shop) == "1.2.3"
    assert await commit(sources, app(store, "", f"oci://{store.address}/team")) == "1.3.0+build.5"
    (snapshot,) = await sources.snapshots(shop)
    assert snapshot.tree.read("values.yaml") == b"color: red\nsize: 1\n"
    store.token = "another"
    store.pages.clear()
    with pytest.raises(SourceError) as raised:
        await sources.poll(shop.sources[0].followed)
    assert "another" not in str(raised.value)
    assert "hunter2" not in str(raised.value)


async def test_file(store: Store, sources: Sources) -> None:
    """A file behind a URL stays what it was until a poll finds another one."""
    url = f"https://{store.address}/all.yaml?signature=hunter2"
    store.pages["/all.yaml?signature=hunter2"] = b"one"
    assert (await sources.fetch(RemoteFile(url))).tree.read("file") == b"one"
    assert not await sources.poll(f"{url}#")
    store.pages["/all.yaml?signature=hunter2"] = b"two"
    assert await sources.poll(f"{url}#")
    assert (await sources.fetch(RemoteFile(url))).tree.read("file") == b"two"
    store.pages.clear()
    with pytest.raises(SourceError, match=r"all\.yaml: 404") as raised:
        await sources.poll(f"{url}#")
    assert "hunter2" not in str(raised.value)


async def test_redirects(store: Store, sources: Sources) -> None:
    """They are followed without the login, and never to where anybody could read along."""
    store.pages["/a.yaml"] = (302, f"https://localhost:{store.server_address[1]}/b.yaml")
    store.pages["/c.yaml"] = (302, f"http://{store.address}/b.yaml")
    store.pages["/d.yaml"] = (302, "file:///etc/hostname")
    for name in ("a", "c", "d"):
        with pytest.raises(SourceError):
            await sources.fetch(RemoteFile(f"https://{store.address}/{name}.yaml"))
    assert not any(path == "/b.yaml" for path, _ in store.seen)
    store.pages["/e.yaml"] = (302, f"https://{store.address}/f.yaml")
    store.pages["/f.yaml"] = b"there"
    assert (await sources.fetch(RemoteFile(f"https://{store.address}/e.yaml"))).tree.read("file") == b"there"
    assert [authorization for path, authorization in store.seen if path == "/f.yaml"] == [""]
