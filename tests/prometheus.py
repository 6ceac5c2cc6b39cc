"""A real Prometheus on the loopback that scrapes whatever a test says, and evaluates the rules that it is given."""

from __future__ import annotations

import contextlib
import http.server
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import neighbour
from localcluster.layout import free_ports

_CONFIG = """\
global: {{evaluation_interval: 500ms}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: shop
    scrape_interval: 500ms
    scrape_timeout: 500ms
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""


@dataclass(slots=True)
class Exposer:
    """What is scraped: `metrics` by name, as they are now."""

    metrics: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def listening(self) -> Iterator[int]:
        """Its port."""
        exposer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write("".join(f"{name} {value}\n" for name, value in exposer.metrics.items()).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing."""

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server.server_port
            server.shutdown()


@contextlib.contextmanager
def prometheus(folder: Path, exposer: Exposer) -> Iterator[str]:
    """The URL of a Prometheus that scrapes `exposer`, ready; it has the rules of `rules.yml` in the folder, if there are any."""
    with exposer.listening() as scraped:
        (folder / "prometheus.yml").write_text(_CONFIG.format(port=scraped))
        url = f"http://127.0.0.1:{(port := free_ports(1)[0])}"
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        command = [str(neighbour("prometheus")), *options, f"--web.listen-address=127.0.0.1:{port}"]
        with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                _until_ready(url, process, folder / "log")
                yield url
            finally:
                process.terminate()


def _until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ready is not enough: what was never scraped is no data."""
    deadline = time.monotonic() + 60
    while not _has_scraped(url):
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.1)


def _has_scraped(url: str) -> bool:
    with (
        contextlib.suppress(urllib.error.URLError, ConnectionError),
        urllib.request.urlopen(f"{url}/api/v1/query?query=up", timeout=5) as answer,  # noqa: S310 - our own server
    ):
        return any(sample["value"][1] == "1" for sample in json.load(answer)["data"]["result"])
    return False
