from __future__ import annotations

from pathlib import Path

import pytest

from gitopsd.config import Config, load_config
from gitopsd.model.errors import ConfigError

HEAD = "apiVersion: gitopsd.dev/v1alpha1\nkind: Config\n"


def load(folder: Path, environment: dict[str, str], text: str = "") -> Config:
    """The configuration in `text` under an environment."""
    (folder / "config.yaml").write_text(HEAD + text)
    return load_config(folder / "config.yaml", environment)


def test_value_takes_the_place_of_the_file_s(tmp_path: Path) -> None:
    """A variable wins over the file and over defaults; two underscores go one level down."""
    environment = {
        "GITOPSD_SERVER__LISTEN": "0.0.0.0:80",
        "GITOPSD_STORAGE__RETENTION__COUNT": "7",
        "GITOPSD_NAMESPACE": "tools",
        "GITOPSD_FIELD_MANAGER": "one",
    }
    config = load(tmp_path, environment, "server: {listen: 127.0.0.1:1, metrics: 127.0.0.1:2}\n")
    assert (config.server.listen, config.server.metrics) == ("0.0.0.0:80", "127.0.0.1:2")
    assert (config.storage.retention.count, config.namespace, config.field_manager) == (7, "tools", "one")


def test_lists(tmp_path: Path) -> None:
    """A list comes whole, or item by item; the item after the last is a new one."""
    config = load(
        tmp_path,
        {
            "GITOPSD_APPLICATIONS": "[{file: /a/*.yaml}, {file: /b/*.yaml}]",
            "GITOPSD_CLUSTERS__0__SERVER": "https://mine",
            "GITOPSD_CLUSTERS__1__NAME": "west",
            "GITOPSD_CLUSTERS__1__KUBECONFIG": "/k",
        },
        "clusters: [{name: east}]\n",
    )
    assert [str(source.file) for source in config.applications] == ["/a/*.yaml", "/b/*.yaml"]
    assert [(cluster.name, cluster.server) for cluster in config.clusters] == [("east", "https://mine"), ("west", "")]


def test_names_of_others_are_left_alone(tmp_path: Path) -> None:
    """The commands' own variables and those that Kubernetes makes of Services are nobody's mistake."""
    environment = {
        "GITOPSD_SERVER": "http://127.0.0.1:8080",
        "GITOPSD_TOKEN": "t",
        "GITOPSD_PORT": "tcp://10.0.0.1:80",
        "GITOPSD_SERVICE_HOST": "10.0.0.1",
        "HOME": "/",
    }
    assert load(tmp_path, environment) == load(tmp_path, {})


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("GITOPSD_SERVER__LISTN", "x", 'GITOPSD_SERVER__LISTN: names no field of the configuration, did you mean "listen"?'),
        ("GITOPSD_STORAGE__RETENTION", "{}", "GITOPSD_STORAGE__RETENTION: names a whole section"),
        ("GITOPSD_CLUSTERS__5__NAME", "x", "GITOPSD_CLUSTERS__5__NAME: names item 5 of a list that has 0"),
        ("GITOPSD_POLLING__INTERVAL", "60", "GITOPSD_POLLING__INTERVAL: polling.interval: is no duration"),
        ("GITOPSD_POLLING__INTERVAL", "{", "GITOPSD_POLLING__INTERVAL:2:1: not YAML"),
        ("GITOPSD_SERVER__LISTEN", "", "GITOPSD_SERVER__LISTEN: server.listen: is no address"),
    ],
)
def test_refusal_names_the_variable(tmp_path: Path, name: str, value: str, complaint: str) -> None:
    """What is wrong with a variable is said of the variable, not of the file."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {name: value})
    assert str(caught.value).startswith(complaint)
