from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.config import Config, ConfigErrors, load_config, schema
from gitopsd.model.errors import ConfigError

HEAD = "apiVersion: gitopsd.dev/v1alpha1\nkind: Config\n"


def load(folder: Path, text: str, **environment: str) -> Config:
    """The configuration in `text`, as a file of that folder."""
    (folder / "config.yaml").write_text(text)
    return load_config(folder / "config.yaml", environment)


def complaints(folder: Path, text: str, **environment: str) -> list[str]:
    """All that is wrong with `text`, without the folder's name."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **environment)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_everything_has_a_default(tmp_path: Path) -> None:
    """Two lines are a configuration: of the cluster that gitopsd runs in, without applications."""
    config = load(tmp_path, HEAD)
    assert config.server.listen == "127.0.0.1:8080"
    assert config.polling.interval == timedelta(seconds=60)
    assert [cluster.name for cluster in config.clusters] == ["in-cluster"]


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    """Relative paths are below the folder of the file, wherever gitopsd was started; absolute ones stay."""
    config = load(
        tmp_path,
        HEAD
        + "applications: [{file: apps/*.yaml}]\nstorage: {mirrors: mirrors, passwordFile: /p, history: 'postgresql://u@h/d'}\n",
    )
    assert config.applications[0].file == tmp_path / "apps/*.yaml"
    assert config.storage.mirrors == tmp_path / "mirrors"
    assert str(config.storage.password_file) == "/p"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:data/history.db", "sqlite://{folder}/data/history.db"),
        ("sqlite:///var/history.db", "sqlite:///var/history.db"),
        ("postgresql://gitopsd@db/history", "postgresql://gitopsd@db/history"),
    ],
)
def test_database(tmp_path: Path, url: str, expected: str) -> None:
    """A database's path may be relative to the file too."""
    config = load(tmp_path, f"{HEAD}storage: {{history: '{url}'}}\n")
    assert config.storage.history == expected.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sever: {}", 'config.yaml:3:1: sever: unknown field "sever", did you mean "server"?'),
        ("fieldmanager: x", 'config.yaml:3:1: fieldmanager: unknown field "fieldmanager", did you mean "fieldManager"?'),
        ("zzz: 1", 'config.yaml:3:1: zzz: unknown field "zzz"'),
        ("server:\n  listn: x", 'config.yaml:4:3: server.listn: unknown field "listn", did you mean "listen"?'),
        ("server: [1]", "config.yaml:3:1: server: must be a mapping of names to values"),
        ("server: {listen: 8080}", "config.yaml:3:10: server.listen: must be text: put it in quotes"),
        ("server: {listen: ':8080'}", "config.yaml:3:10: server.listen: is no address: write host:port, such as"),
        ("server: {listen: 'a:99999'}", "config.yaml:3:10: server.listen: is no address"),
        ("polling: {interval: 60}", "config.yaml:3:11: polling.interval: is no duration: write a number and its unit"),
        ("polling: {interval: 10ms}", "config.yaml:3:11: polling.interval: must be at least 1 second"),
        ("polling: {jitter: 2}", "config.yaml:3:11: polling.jitter: must be at most 1"),
        ("polling: {jitter: '0.2'}", "config.yaml:3:11: polling.jitter: must be a number, without quotes"),
        ("workers: {syncs: 1.5}", "config.yaml:3:11: workers.syncs: must be a whole number"),
        ("limits: {size: 10MB}", "config.yaml:3:10: limits.size: is no size: write bytes, or a number and its unit"),
        ("log: {level: trace}", "config.yaml:3:7: log.level: must be 'debug', 'info', 'warning' or 'error'"),
        ("installation: Main", "config.yaml:3:1: installation: must be lower-case letters, digits and '-' between them"),
        ("applications: {file: x}", "config.yaml:3:1: applications: must be a list"),
        ("clusters: [{}]", "config.yaml:3:12: clusters[0].name: is missing"),
        ("server: {listen: a, listen: b}", "config.yaml:3:21: key 'listen' is given twice in one mapping"),
        ("server: {listen: a", "config.yaml:4:1: not YAML: "),
        ("a: &a [1]\nb: *c", "config.yaml:4:4: alias *c refers to no anchor"),
    ],
)
def test_refusal_names_place_and_field(tmp_path: Path, text: str, complaint: str) -> None:
    """What the schema refuses is said with file, line, column and field, and with a word of help."""
    (said,) = complaints(tmp_path, f"{HEAD}{text}\n")
    assert said.startswith(complaint)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("server: {listen: 'a:1', metrics: 'a:1'}", "server.metrics: is the address of listen too"),
        ("applications: [{}]", "applications[0]: must have exactly one of file and cluster"),
        ("applications: [{file: a, cluster: {selector: b}}]", "applications[0]: must have exactly one of file and cluster"),
        ("clusters: []", "clusters: is empty"),
        ("clusters: [{name: a}, {name: a, kubeconfig: k}]", "clusters[1].name: is the name of clusters[0] too"),
        (
            "clusters: [{name: a, server: s, kubeconfig: k}, {name: b, server: s}]",
            "clusters[1].server: is the server of clusters[0]",
        ),
        ("clusters: [{name: a}, {name: b}]", "clusters[1]: has no kubeconfig, and clusters[0] already is the one"),
        ("clusters: [{name: a, context: c}]", "clusters[0].context: needs kubeconfig"),
        ("clusterSecrets: {cluster: west}", "clusterSecrets.cluster: names no entry of clusters"),
        ("repositorySecrets: {cluster: west}", "repositorySecrets.cluster: names no entry of clusters"),
        ("storage: {passwordFile: p}", "storage.passwordFile: is for PostgreSQL"),
        ("replicas: {mode: leader}", "replicas.mode: is leader, and replicas share one history: storage.history has to be a"),
        ("storage: {history: 'mysql://h/d'}", "storage.history: is no database: write sqlite:///PATH or postgresql://"),
        ("repositories: [{url: u}, {url: u}]", "repositories[1].url: is the url of repositories[0] too"),
        ("repositories: [{url: u, credentials: {tokenFile: t, sshKeyFile: k}}]", "credentials.sshKeyFile: contradicts tokenFile"),
        ("repositories: [{url: u, credentials: {passwordFile: p}}]", "credentials.passwordFile: needs username or usernameFile"),
        ("repositories: [{url: u, credentials: {clientKeyFile: k}}]", "clientKeyFile: needs clientCertificateFile"),
        (
            "repositories: [{url: 'https://h', credentials: {sshKeyFile: k}}]",
            "sshKeyFile: is for SSH, but the repository's URL is HTTP",
        ),
        ("repositories: [{url: u, credentials: {username: a, usernameFile: b}}]", "usernameFile: contradicts username"),
        (
            "repositories: [{url: u, credentials: {githubApp: {id: 1, installationId: 2, privateKeyFile: k}}}]",
            "githubApp: is not supported yet",
        ),
    ],
)
def test_contradiction_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """What can't be meant together is refused, though each value alone is fine."""
    (said,) = complaints(tmp_path, f"{HEAD}{text}\n")
    assert said.startswith("config.yaml:3:")
    assert complaint in said


def test_all_errors_are_said_at_once(tmp_path: Path) -> None:
    """One look at the output is enough to mend a file: unknown keys, wrong values and contradictions come together, by line."""
    text = "server: {listn: x}\nclusters: []\npolling: {interval: 60, jitter: 9}\nlog: {level: loud}\n"
    said = complaints(tmp_path, HEAD + text)
    assert [line.split(":")[1] for line in said] == ["3", "4", "5", "5", "6"]


def test_empty_file(tmp_path: Path) -> None:
    """An empty file says what it needs."""
    assert complaints(tmp_path, "# nothing\n") == ["config.yaml: is empty: it needs at least apiVersion and kind"]


def test_second_document(tmp_path: Path) -> None:
    """A configuration is one document."""
    assert complaints(tmp_path, f"{HEAD}---\n{HEAD}") == ["config.yaml:4:1: is a second document: the configuration is one"]


def test_document_of_another_kind(tmp_path: Path) -> None:
    """Version and kind are checked, so that no other file is taken for a configuration."""
    said = complaints(tmp_path, "apiVersion: v1\nkind: ConfigMap\n")
    assert said == [
        "config.yaml:1:1: apiVersion: must be 'gitopsd.dev/v1alpha1'",
        "config.yaml:2:1: kind: must be 'Config'",
    ]


def test_document_that_is_no_mapping(tmp_path: Path) -> None:
    """A list is no configuration."""
    assert complaints(tmp_path, "- 1\n") == ["config.yaml:1:1: must be a mapping of names to values"]


def test_missing_file(tmp_path: Path) -> None:
    """A file that can't be read is named."""
    with pytest.raises(ConfigError, match=r"none\.yaml: can't be read: No such file"):
        load_config(tmp_path / "none.yaml", {})


@pytest.mark.parametrize(
    "text",
    [
        "repositories: [{url: 'https://u:HUSH@h/r'}]",
        "storage: {history: 'postgresql://u:HUSH@h/d'}",
        "repositories: [{url: u, credentials: {token: HUSH}}]",
        "repositories: [{url: u, credentials: {tokenFile: [HUSH]}}]",
        'repositories: [{url: u, credentials: {username: a, passwordFile: "-----BEGIN\\nHUSH"}}]',
        "repositories: [{url: u, credentials: HUSH}]",
        "repositories: [{url: u, credentials: {githubApp: {id: HUSH, installationId: 1, privateKeyFile: x}}}]",
    ],
)
def test_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path, text: str) -> None:
    """Whoever writes a secret into the file is told where, without seeing it in a log."""
    assert "HUSH" not in "\n".join(complaints(tmp_path, f"{HEAD}{text}\n"))


def test_bomb_of_aliases_is_refused(tmp_path: Path) -> None:
    """A small file that would grow to billions of values is refused at once."""
    levels = "\n".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 12))
    (said,) = complaints(tmp_path, f"{HEAD}x0: &x0 [1]\n{levels}\n")
    assert "aliases repeat more than" in said


def test_schema_describes_every_field() -> None:
    """The JSON Schema is closed, and says of every field what it is."""
    document = schema()
    objects = [document, *document["$defs"].values()]
    for described in objects:
        assert described["additionalProperties"] is False
        for name, field in described["properties"].items():
            assert field.get("description") or "$ref" in field, f"{described['title']}.{name}"
    json.dumps(document)


def test_errors_are_config_errors_with_places(tmp_path: Path) -> None:
    """Programs get the place of each error as a value."""
    (tmp_path / "config.yaml").write_text(f"{HEAD}polling: {{interval: 60}}\n")
    with pytest.raises(ConfigErrors) as caught:
        load_config(tmp_path / "config.yaml", {})
    (error,) = caught.value.errors
    assert error.place is not None
    assert (error.place.line, error.place.column, error.place.field) == (3, 11, "polling.interval")


def test_rule_of_health_that_can_t_be_used(tmp_path: Path) -> None:
    """An expression that can never have a value is an error of the file, with line and field; so is a kind with two rules."""
    text = (
        "health:\n  rules:\n"
        "    - {group: a.io, kind: A, current: 'status.ready &&'}\n"
        "    - {apiVersion: a.io/v1, kind: A, current: stauts.ready}\n"
        "    - {kind: B}\n"
    )
    said = [line.removeprefix("config.yaml:") for line in complaints(tmp_path, f"{HEAD}{text}")]
    expected = [
        "5:30: health.rules[0].current: is no CEL expression: line 1, character 16: ",
        "6:7: health.rules[1]: is for the kind of health.rules[0] too",
        "6:38: health.rules[1].current: names stauts; there is object, ",
        "7:7: health.rules[2].current: is missing",
        "7:7: health.rules[2]: must have exactly one of group and apiVersion",
    ]
    assert [line[: len(start)] for line, start in zip(said, expected, strict=True)] == expected


def test_rule_of_health_that_would_show_secrets(tmp_path: Path) -> None:
    """A message must not hold what a Secret does."""
    rule = "{apiVersion: v1, kind: Secret, current: 'true', message: data.password}"
    (said,) = complaints(tmp_path, f"{HEAD}health: {{rules: [{rule}]}}\n")
    assert "health.rules[0].kind: has no rule: what Secrets and ConfigMaps hold " in said
