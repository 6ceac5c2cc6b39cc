"""The alert rules of deploy/, in a real Prometheus: which of them a situation rouses, and what they say then."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.fleet import until
from tests.prometheus import Exposer, prometheus

RULES = Path(__file__).parents[2] / "deploy/components/monitoring/alerts.yaml"
ALONE = {"gitopsd_build_info": 1.0, "gitopsd_applications": 3.0, "gitopsd_held_applications": 3.0}


def replicas(*held: int, of: int = 9, names: str = "abc", tenures: tuple[int, ...] = (1, 1, 1)) -> dict[str, float]:
    """What replicas expose that know of so many applications, and work on so many of them each."""
    found: dict[str, float] = {"gitopsd_build_info": 1.0}
    for pod, (name, count, tenure) in enumerate(zip(names, held, tenures, strict=False)):
        found[f'gitopsd_applications{{pod="{pod}"}}'] = of
        found[f'gitopsd_held_applications{{pod="{pod}"}}'] = count
        found[f'gitopsd_replica_tenure{{pod="{pod}",replica="{name}"}}'] = tenure
    return found


def git(**requests: float) -> dict[str, float]:
    """What is exposed beside of requests to a Git server, by their result."""
    return ALONE | {f'gitopsd_git_requests_total{{repository="ops",result="{name}"}}': count for name, count in requests.items()}


def rules() -> dict[str, Any]:
    """Those of deploy/, and a last one by which a test sees that its situation has been looked at."""
    found: dict[str, Any] = yaml.safe_load(RULES.read_text())["spec"]
    found["groups"][0]["rules"].append({"alert": "Situation", "expr": "situation"})
    return found


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Exposer]]:
    """A Prometheus with the rules, and what it scrapes."""
    folder, exposer = tmp_path_factory.mktemp("prometheus"), Exposer(dict(ALONE))
    (folder / "rules.yml").write_text(yaml.safe_dump(rules()))
    with prometheus(folder, exposer) as url:
        yield url, exposer


def alerts(url: str) -> list[Any]:
    """What is pending or fires."""
    with urllib.request.urlopen(f"{url}/api/v1/alerts", timeout=5) as answer:  # noqa: S310 - our own server
        found: list[Any] = json.load(answer)["data"]["alerts"]
    return found


def roused(watched: tuple[str, Exposer], metrics: Mapping[str, float]) -> dict[str, str]:
    """Exposes this, and gives the alerts that it rouses, with their summaries."""
    url, exposer = watched
    number = secrets.token_hex(4)
    exposer.metrics = {**metrics, f'situation{{number="{number}"}}': 1}
    until(lambda: number in [alert["labels"].get("number") for alert in alerts(url)])
    return {
        alert["labels"]["alertname"]: alert["annotations"]["summary"] for alert in alerts(url) if "number" not in alert["labels"]
    }


SITUATIONS: dict[str, tuple[Mapping[str, float], str]] = {
    "nobody holds some": (replicas(3, 4), "GitopsdApplicationsUnheld"),
    "one has lost its tenure": (replicas(5, 4, 0, tenures=(1, 1, 0)), "GitopsdReplicaTenureLost"),
    "two of one name": (replicas(5, 4, 0, names="abb"), "GitopsdReplicaNameTwice"),
    "one is left": (replicas(9), "GitopsdReplicasMissing"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_said_of_replicas(watched: tuple[str, Exposer], situation: str) -> None:
    """Just the alert that it is about."""
    metrics, name = SITUATIONS[situation]
    assert roused(watched, metrics).keys() == {name}


@pytest.mark.parametrize("metrics", [ALONE, replicas(9, 0), replicas(3, 4, 2)])
def test_all_is_well(watched: tuple[str, Exposer], metrics: Mapping[str, float]) -> None:
    """One process, a leader with one that stands by, and shards: nothing is said."""
    assert roused(watched, metrics) == {}


def test_a_git_server_that_answers_nothing(watched: tuple[str, Exposer]) -> None:
    """It is named while all requests fail, and no longer once one comes through."""
    assert roused(watched, git(error=0, ok=0)) == {}
    assert roused(watched, git(error=5, ok=0)) == {"GitopsdGitUnreachable": "ops has answered no request for 15 minutes."}
    assert roused(watched, git(error=5, ok=5)) == {}
