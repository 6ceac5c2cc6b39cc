"""Reading kubeconfig files: what is missing is said, nothing is guessed."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gitopsd.cluster.access import Access
from gitopsd.cluster.config import ClusterConfig, Endpoint, User
from gitopsd.cluster.credentials import credential
from gitopsd.cluster.kubeconfig import read_access
from gitopsd.model.errors import ClusterError
from tests.cluster_unit.apiserver import minimal_kubeconfig


def _config(folder: Path, text: str, context: str = "") -> ClusterConfig:
    path = folder / "config"
    path.write_text(text)
    return ClusterConfig("west", kubeconfig=str(path), context=context)


def test_reads_the_current_context(tmp_path: Path) -> None:
    """Server, user, and files relative to the kubeconfig."""
    (tmp_path / "ca.pem").write_text("AUTHORITY")
    text = minimal_kubeconfig("https://west.test:6443/", ["token: t"]).replace(
        "{server", "{certificate-authority: ca.pem, server"
    )
    endpoint, user = read_access(_config(tmp_path, text))
    assert endpoint == Endpoint("https://west.test:6443", ca="AUTHORITY")
    assert user == User({"token": "t"}, tmp_path)


def test_data_beats_the_file(tmp_path: Path) -> None:
    """`certificate-authority-data` is base64 of what the file would hold."""
    data = base64.b64encode(b"DATA").decode()
    text = minimal_kubeconfig("https://west.test").replace("{server", f"{{certificate-authority-data: {data}, server")
    assert read_access(_config(tmp_path, text))[0].ca == "DATA"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", r"is not YAML \(line \d"),
        ("- a", "is no kubeconfig"),
        ("{}", "has no current-context; name one of no contexts at all"),
        ("current-context: x\ncontexts: [{name: y, context: {}}]", "has no context named 'x'; it has y"),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]",
            "has no cluster named 'c'; it has no clusters at all",
        ),
        (minimal_kubeconfig("west.test"), "server is not a URL"),
        (minimal_kubeconfig("https://x").replace("user: main}", "user: nobody}"), "has no user named 'nobody'; it has main"),
        (minimal_kubeconfig("https://x").replace("{server", "{certificate-authority-data: '!', server"), "not base64"),
        (
            minimal_kubeconfig("https://x").replace("{server", "{certificate-authority: none.pem, server"),
            "none.pem can't be read",
        ),
    ],
)
def test_says_what_is_missing(text: str, words: str, tmp_path: Path) -> None:
    """Each error names the cluster, the file, and what to look at."""
    with pytest.raises(ClusterError, match=f"cluster west: .*{words}"):
        read_access(_config(tmp_path, text))


def test_without_kubeconfig_it_is_the_pod() -> None:
    """Outside of a pod that is an error that says what to do."""
    with pytest.raises(ClusterError, match=r"not in a pod .* give this cluster a kubeconfig"):
        read_access(ClusterConfig("in-cluster"))


USERS: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "token": ({"token": "t"}, {"Authorization": "Bearer t"}),
    "basic": ({"username": "u", "password": "p"}, {"Authorization": "Basic dTpw"}),
    "nobody": ({}, {}),
    "impersonation": ({"token": "t", "as": "robot"}, {"Authorization": "Bearer t", "Impersonate-User": "robot"}),
}


@pytest.mark.parametrize("case", USERS)
async def test_says_who_we_are(case: str) -> None:
    """A user's settings become headers."""
    settings, headers = USERS[case]
    assert (await credential("west", Endpoint("https://x"), User(settings))).headers == headers


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tokenFile": "none"}, "none can't be read"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider 'gcp', which Kubernetes removed"),
        ({"exec": {"apiVersion": "v1", "command": "/does/not/exist"}}, "can't be run: No such file"),
        ({"exec": {"apiVersion": "v1", "command": "true"}}, "did not print an ExecCredential"),
        (
            {"exec": {"apiVersion": "v1", "command": "echo", "args": ['{"apiVersion": "v1", "status": {}}']}},
            "neither a token nor",
        ),
        ({"client-certificate-data": "!"}, "client-certificate-data is not base64"),
    ],
)
async def test_never_becomes_anonymous(settings: dict[str, object], words: str, tmp_path: Path) -> None:
    """A credential that should be there and is not, is an error."""
    with pytest.raises(ClusterError, match=words):
        await credential("west", Endpoint("https://x"), User(settings, tmp_path))


async def test_shows_no_credential(tmp_path: Path) -> None:
    """Values that hold credentials do not show them."""
    login = await Access(_config(tmp_path, minimal_kubeconfig("http://x", ["token: hidden-token"]))).login()
    assert login.headers == {"Authorization": "Bearer hidden-token"}
    assert "hidden-token" not in f"{login!r}{User({'token': 'hidden-token'})!r}"


async def test_an_authority_that_is_none(tmp_path: Path) -> None:
    """What is not PEM is said to be."""
    data = base64.b64encode(b"not a certificate").decode()
    text = minimal_kubeconfig("https://x").replace("{server", f"{{certificate-authority-data: {data}, server")
    with pytest.raises(ClusterError, match="not valid PEM"):
        await Access(_config(tmp_path, text)).login()


async def test_a_proxy_that_is_not_http(tmp_path: Path) -> None:
    """A SOCKS proxy is refused, rather than passed by."""
    text = minimal_kubeconfig("http://x").replace("{server", "{proxy-url: 'socks5://p:1', server")
    with pytest.raises(ClusterError, match="'socks5'; only HTTP proxies"):
        await Access(_config(tmp_path, text)).login()
