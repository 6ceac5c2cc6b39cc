"""The whole daemon is told of a push, and judges what it brought by a rule of its configuration."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from localcluster import LocalCluster
from tests.cli.running import run
from tests.cluster.daemon import Daemon

pytestmark = pytest.mark.cluster

_MORE = """\
webhooks: {generic: secret}
health:
  rules:
    - group: ""
      kind: Service
      current: "true"
      failed: has(metadata.labels.broken)
      message: "'broken by ' + metadata.labels.broken"
"""


def _service(labels: str = "{}") -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: web, labels: {labels}}}\nspec: {{ports: [{{port: 80}}]}}\n"


def _push(daemon: Daemon, name: str) -> int:
    """Sends a signed push of the daemon's repository; gives how many repositories are asked because of it."""
    body = json.dumps({"id": name, "time": datetime.now(UTC).isoformat(), "repository": daemon.repo.url}).encode()
    proof = hmac.new(b"hush", body, hashlib.sha256).hexdigest()
    address = f"http://127.0.0.1:{daemon.api}/api/v1/webhooks/generic"
    request = urllib.request.Request(address, body, {"X-Signature-256": f"sha256={proof}"})
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own daemon
        return int(json.load(answer)["repositories"])


def test_a_push_goes_live_before_the_next_poll(cluster: LocalCluster, namespace: str, tmp_path: Path) -> None:
    """Polling once an hour, a signed push brings the commit at once; the configuration's rule then says how its Service is.

    `tree` and `trace` tell the same of it, and where it comes from.
    """
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    config = daemon.folder / "config.yaml"
    config.write_text(config.read_text().replace("interval: 1s", "interval: 1h") + _MORE)
    (daemon.folder / "secret").write_text("hush\n")
    daemon.declare("app", namespace)
    first = daemon.repo.commit({"app/web.yaml": _service()})
    with daemon:
        daemon.until_synced("app", first)
        second = daemon.repo.commit({"app/web.yaml": _service("{broken: hand}")})
        assert _push(daemon, "1") == 1
        daemon.until(lambda: daemon.app("app")["sync"]["revision"] == second)
        daemon.until(lambda: daemon.state("app") == "Synced Degraded", lambda: json.dumps(daemon.app("app"), indent=1))
        assert "broken by hand" in daemon.app("app")["health"]["message"]
        newest = daemon.get("/api/v1/applications/app/history?limit=1")["items"][0]
        assert (newest["trigger"], newest["revision"]) == ("webhook", second)
        at = ("--server", f"127.0.0.1:{daemon.api}")
        assert run("tree", "app", *at).out == f"Service/{namespace}/web  Synced  Degraded  broken by hand\n"
        (traced,) = run("trace", "service/web", "-n", namespace, *at, "-o", "json").json
        assert (traced["application"], traced["revision"], traced["origin"]["file"]) == ("argocd/app", second, "app/web.yaml")
        assert traced["origin"]["commit"]["id"] == second
        assert daemon.text("/api/v1/webhooks/generic", method="POST", body={"id": "2"}).count('"status":401') == 1
