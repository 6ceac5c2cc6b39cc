"""How the port gets in, on a real API server, and what it does when it can't."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitopsd.cluster import ClusterConfig, Clusters
from gitopsd.model.errors import ClusterError
from localcluster import LocalCluster
from tests.cluster.world import IDENTITY, application


def _kubeconfig(cluster: LocalCluster, path: Path, user: dict[str, Any], **settings: Any) -> Path:
    """The local cluster's kubeconfig with another user."""
    document = yaml.safe_load(cluster.kubeconfig.read_text())
    document["users"][0]["user"] = user
    document["clusters"][0]["cluster"] |= settings
    path.write_text(yaml.safe_dump(document))
    return path


def _port(kubeconfig: Path, context: str = "") -> Clusters:
    return Clusters([ClusterConfig("local", kubeconfig=str(kubeconfig), context=context)], IDENTITY)


async def test_a_token_file_is_read_again(cluster: LocalCluster, tmp_path: Path) -> None:
    """A token that the server refuses is an error that says so; once the file holds a good one, it works."""
    token = tmp_path / "token"
    token.write_text("not-the-token")
    async with _port(_kubeconfig(cluster, tmp_path / "config", {"tokenFile": "token"})) as port:
        with pytest.raises(ClusterError, match="does not accept our credentials"):
            await port.surface(application())
        token.write_text(cluster.token + "\n")
        assert (await port.surface(application())).resources


async def test_a_plugin_gives_the_token(cluster: LocalCluster, tmp_path: Path) -> None:
    """An exec plugin is run once, told which API version is spoken, and its token used."""
    plugin, runs = tmp_path / "plugin", tmp_path / "runs"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": cluster.token}}
    plugin.write_text(f"#!/bin/sh\necho \"$KUBERNETES_EXEC_INFO\" >> {runs}\necho '{json.dumps(answer)}'\n")
    plugin.chmod(stat.S_IRWXU)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "provideClusterInfo": True}}
    async with _port(_kubeconfig(cluster, tmp_path / "config", user)) as port:
        assert (await port.surface(application())).resources
        assert (await port.surface(application(), fresh=True)).resources
    (info,) = (json.loads(line) for line in runs.read_text().splitlines())
    assert info["spec"]["cluster"]["server"] == cluster.server


async def test_a_plugin_that_fails_makes_nobody_anonymous(cluster: LocalCluster, tmp_path: Path) -> None:
    """No credential is an error; what the plugin printed is not shown, for it might be one."""
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\necho a-secret-token\necho a-secret-token >&2\nexit 3\n")
    plugin.chmod(stat.S_IRWXU)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}}
    async with _port(_kubeconfig(cluster, tmp_path / "config", user)) as port:
        with pytest.raises(ClusterError, match="failed with exit code 3") as failure:
            await port.surface(application())
    assert "a-secret-token" not in str(failure.value)


async def test_a_server_with_another_certificate_is_not_trusted(cluster: LocalCluster, tmp_path: Path) -> None:
    """Where the authority did not sign it, nothing is sent; once the kubeconfig has the right one, it works."""
    path = tmp_path / "config"
    good = path.write_text(cluster.kubeconfig.read_text())
    assert good
    _kubeconfig(cluster, path, {"token": cluster.token}, **{"certificate-authority-data": "", "certificate-authority": ""})
    async with _port(path) as port:
        with pytest.raises(ClusterError, match="not signed by the authority"):
            await port.surface(application())
        path.write_text(cluster.kubeconfig.read_text())
        assert (await port.surface(application())).resources


async def test_a_missing_context_names_those_that_are_there(cluster: LocalCluster) -> None:
    """The error says what the file has."""
    async with _port(cluster.kubeconfig, "east") as port:
        with pytest.raises(ClusterError, match=r"has no context named 'east'; it has \S+"):
            await port.surface(application())
