from __future__ import annotations

import base64
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from localcluster.errors import LocalClusterError
from localcluster.layout import COMPONENTS, HOST, Layout, Settings, command_line, free_ports, write_access

SETTINGS = Settings(api_port=20001, etcd_port=20002, peer_port=20003, token="t0ken", qps=20, owns_folder=True)


def test_ports_that_are_taken_are_passed_over() -> None:
    """A port on which somebody else listens is never chosen."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        neighbours = [*range(port - 5, port), port, *range(port + 1, port + 6)]
        assert port not in free_ports(2, neighbours)


def test_ports_differ() -> None:
    """The same port is not given twice, and each can be listened on."""
    ports = free_ports(50)
    assert len(set(ports)) == 50
    with socket.socket() as listener:
        listener.bind((HOST, ports[0]))


def test_too_few_free_ports_are_said() -> None:
    """Where all ports are taken, the error says which were looked at."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        with pytest.raises(LocalClusterError, match=rf"ports {port} to {port} of {HOST}"):
            free_ports(1, [port])


def test_settings_are_kept(tmp_path: Path) -> None:
    """What was decided at the first start holds for later ones; where nothing was, there is nothing."""
    layout = Layout(tmp_path / "cluster")
    assert layout.settings() is None
    layout.create(SETTINGS)
    assert layout.settings() == SETTINGS


def test_secrets_are_the_owners_alone(tmp_path: Path) -> None:
    """No other user of the machine can read the token or the keys."""
    layout = Layout(tmp_path / "cluster")
    layout.create(SETTINGS)
    assert layout.tokens.read_text() == 't0ken,admin,admin,"system:masters"\n'
    for path in (layout.tokens, layout.settings_file):
        assert path.stat().st_mode & 0o777 == 0o600
    for folder in (layout.tokens.parent, layout.etcd_data, layout.logs):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_everything_listens_on_loopback(tmp_path: Path) -> None:
    """No component is given an address that others can reach."""
    addresses = {"bind-address", "advertise-address"}
    for name in COMPONENTS:
        options = dict(
            option.removeprefix("--").split("=", 1) for option in command_line(name, Path("x"), Layout(tmp_path), SETTINGS)[1:]
        )
        assert {options[option] for option in addresses & options.keys()} <= {HOST}
        assert {urlsplit(value).hostname for option, value in options.items() if option.endswith("-urls")} <= {HOST}


def test_kubeconfig_holds_all_that_a_client_needs(tmp_path: Path) -> None:
    """Address, token, and the authority alone: the last certificate of the server's chain."""
    layout = Layout(tmp_path / "cluster")
    layout.create(SETTINGS)
    server, authority = (f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n" for name in ("server", "authority"))
    layout.certificate.write_text(server + authority)
    write_access(layout, SETTINGS)
    document = yaml.safe_load(layout.kubeconfig.read_text())
    cluster = document["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:20001"
    assert base64.b64decode(cluster["certificate-authority-data"]).decode() == authority == layout.authority.read_text()
    assert document["users"][0]["user"] == {"token": "t0ken"}
    assert layout.kubeconfig.stat().st_mode & 0o777 == 0o600
