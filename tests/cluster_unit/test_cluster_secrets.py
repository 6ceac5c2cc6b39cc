from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gitopsd.cluster.config import ClusterConfig, Endpoint
from gitopsd.cluster.kubeconfig import AccessError
from gitopsd.cluster.secrets import ClusterSecrets, read_secret
from gitopsd.model.app import AppKey
from gitopsd.model.refs import Object

KEY = AppKey("argocd", "west")


def encoded(text: str) -> str:
    """As Secrets hold it."""
    return base64.b64encode(text.encode()).decode()


def secret(config: Any = None, **data: str) -> Object:
    """A cluster Secret with this JSON in its config."""
    values = {"name": "west", "server": "https://west:6443", "config": json.dumps(config or {})} | data
    return {"metadata": {"name": "west", "namespace": "argocd"}, "data": {name: encoded(value) for name, value in values.items()}}


def test_a_secret_is_a_cluster() -> None:
    """It says name, server, who we are there, whom to trust, and its limits; its values never show."""
    tls = {"caData": encoded("CA"), "serverName": "api", "certData": encoded("C"), "keyData": encoded("K")}
    given = secret({"bearerToken": "hush", "tlsClientConfig": tls}, namespaces="a, b", project="web")
    read = read_secret(given)
    assert (read.name, read.server, read.namespaces, read.cluster_resources, read.project) == (
        "west", "https://west:6443", ("a", "b"), False, "web",
    )  # fmt: skip
    assert read.given
    endpoint, user = read.given
    assert endpoint == Endpoint("https://west:6443", ca="CA", server_name="api")
    assert user.settings == {"token": "hush", "client-certificate-data": tls["certData"], "client-key-data": tls["keyData"]}
    assert "hush" not in repr(read)
    assert read_secret(secret()).cluster_resources
    assert read_secret(secret(namespaces="a", clusterResources="true")).cluster_resources


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (secret(server="west"), "its server is no URL"),
        (secret({"execProviderConfig": {"command": "sh"}}), "its config names a program to run"),
        (secret({"awsAuthConfig": {"clusterName": "x"}}), "its config names a program to run"),
        (secret(config=[1]), "its config is no JSON object"),
        (secret({"bearerToken": "hush", "tlsClientConfig": {"caData": "hush!"}}), "caData is no base64 of a text"),
    ],
)
def test_secrets_that_are_refused(given: Object, why: str) -> None:
    """The reason names what is wrong, and repeats none of it."""
    with pytest.raises(AccessError, match=why) as caught:
        read_secret(given)
    assert "hush" not in str(caught.value)


def test_a_broken_secret_stays_as_it_was() -> None:
    """Of a Secret that can't be read any more the last good version counts; the others are not concerned."""
    secrets = ClusterSecrets(())
    other = AppKey("argocd", "north")
    north = secret(name="north", server="https://north")
    good = secrets.read({KEY: secret({"bearerToken": "1"})})
    assert secrets.read({KEY: secret(server="?"), other: north}) == good | {"north": read_secret(north)}
    assert secrets.read({}) == {}


def test_the_configuration_comes_first() -> None:
    """A Secret for a cluster that the configuration has, by name or by server, changes nothing."""
    for taken in (ClusterConfig("west"), ClusterConfig("w", "https://west:6443/")):
        assert ClusterSecrets((taken,)).read({KEY: secret()}) == {}
