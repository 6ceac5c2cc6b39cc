"""Analysis after a sync, end to end: a real repository, the real daemon, a real Prometheus, a real API server."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import LocalCluster
from tests.cluster.daemon import Daemon
from tests.prometheus import Exposer, prometheus

APP = "shop"
ANALYSIS = """\
metrics:
- {name: errors, query: shop_errors, condition: result < 0.05, interval: 1s, count: 2}
"""


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[tuple[str, Exposer]]:
    """A real Prometheus, and what it scrapes."""
    exposer = Exposer({"shop_errors": 0.01})
    (tmp_path / "prometheus").mkdir()
    with prometheus(tmp_path / "prometheus", exposer) as url:
        yield url, exposer


def test_a_failed_analysis_goes_back_though_the_daemon_is_killed(
    scraped: tuple[str, Exposer], cluster: LocalCluster, namespace: str, tmp_path: Path
) -> None:
    """What measures well stays. What does not is left, also where the analysis was cut off: the next start begins it anew."""
    url, exposer = scraped
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    daemon.declare(APP, namespace, analysis=ANALYSIS)
    with (daemon.folder / "config.yaml").open("a") as config:
        config.write(f"prometheus: {{url: '{url}'}}\n")
    live = f"/api/v1/namespaces/{namespace}/configmaps/settings"

    def commit(value: str) -> str:
        text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{key: {value}}}\n"
        return daemon.repo.commit({"app/settings.yaml": text})

    def conditions() -> list[str]:
        newest = daemon.get(f"/api/v1/applications/{APP}/history")["items"][0]
        return [condition["type"] for condition in newest["conditions"]]

    with daemon:
        first = commit("good")
        daemon.until_synced(APP, first)
        daemon.until(lambda: conditions() == ["AnalysisSuccessful"], lambda: str(daemon.app(APP)))
        exposer.metrics["shop_errors"] = 0.5
        second = commit("bad")
        daemon.until_synced(APP, second)
        daemon.kill(signal.SIGKILL)
        daemon.start()
        daemon.until(lambda: daemon.app(APP)["pinned"] == first, lambda: str(daemon.app(APP)))
        daemon.until_synced(APP, first)
        assert cluster.api.get(live)["data"] == {"key": "good"}
        assert f"{second[:10]} failed its analysis: errors" in daemon.app(APP)["conditions"][0]["message"]
        assert "goes back" in daemon.log_text()
        assert 'trigger="auto-rollback"' in daemon.text("/metrics")
