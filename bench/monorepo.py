"""What a commit costs in a repository of many applications: `python -m bench.monorepo`.

N applications, each an overlay over one of ten bases, in one repository, with the real mirror and the real renderer. All are
looked at after each commit, as the daemon does: snapshots, look-ups of what each render read, and a render where that changed.
CPU of this process, which the daemon has one of; what renders is another. Prints a table.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.table import print_table
from gitopsd.children import Pool
from gitopsd.clock import SystemClock
from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.errors import SourceError
from gitopsd.model.source import Snapshot
from gitopsd.model.surface import Surface
from gitopsd.renderer import Renderer
from gitopsd.source.sources import Sources
from tests.gitrepo import Content, Repo

BASES = 10
ROUNDS = 5
_SURFACE = Surface("", "", {})
_MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{round: '{data}'}}\n"


@dataclass(slots=True)
class Daemon:
    """The parts of a daemon that stand between a commit and the cluster."""

    sources: Sources
    renderer: Renderer
    apps: list[App]
    requests: Counter[str]

    async def look(self) -> tuple[float, int]:
        """One look at every application: milliseconds of CPU, and how many were rendered."""
        rendered, begun = self.requests["miss"], time.process_time()
        for app in self.apps:
            await self.renderer.render(app, await self.sources.snapshots(app), _SURFACE)
        return (time.process_time() - begun) * 1000, self.requests["miss"] - rendered


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.monorepo")
    parser.add_argument("--applications", type=int, default=1000)
    rows = asyncio.run(_measured(parser.parse_args().applications))
    print_table(("commit", "applications", "rendered", "CPU ms"), rows)


async def _measured(count: int) -> list[tuple[object, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        repo = Repo(Path(folder) / "repo")
        files = _files(count)
        repo.commit(files)
        requests: Counter[str] = Counter()
        sources, pool = Sources(Path(folder) / "mirrors", SystemClock()), Pool("render", size=1)
        renderer = Renderer(pool, _no_more, on_request=lambda result: requests.update([result]))
        daemon = Daemon(sources, renderer, [_app(repo.url, number) for number in range(count)], requests)
        try:
            rows = [_row("first", count, await daemon.look()), _row("none", count, await daemon.look())]
            for number in range(ROUNDS):
                files[f"apps/{number}/own.yaml"] = _MANIFEST.format(name="own", data=number)
                repo.commit(files)
                await sources.poll(repo.url, force=True)
                rows.append(_row("touches one", count, await daemon.look()))
            return rows
        finally:
            await pool.aclose()
            await sources.aclose()


async def _no_more(need: object) -> Snapshot:
    raise SourceError(f"nothing here needs {need}", "")


def _row(name: str, count: int, look: tuple[float, int]) -> tuple[object, ...]:
    cpu, rendered = look
    return name, count, rendered, f"{cpu:.0f}"


def _app(url: str, number: int) -> App:
    return App(AppKey("argocd", f"app-{number}"), AppSpec(destination=Destination(), source=Source(url, f"apps/{number}")))


def _files(count: int) -> dict[str, Content]:
    files: dict[str, Content] = {}
    for number in range(BASES):
        files[f"base/{number}/kustomization.yaml"] = "resources: [a.yaml, b.yaml]\n"
        files |= {f"base/{number}/{name}.yaml": _MANIFEST.format(name=name, data="") for name in "ab"}
    for number in range(count):
        kustomization = (
            f"namePrefix: x{number}-\nresources: [../../base/{number % BASES}, own.yaml]\npatches: [{{path: patch.yaml}}]\n"
        )
        files[f"apps/{number}/kustomization.yaml"] = kustomization
        files[f"apps/{number}/own.yaml"] = _MANIFEST.format(name="own", data="")
        files[f"apps/{number}/patch.yaml"] = _MANIFEST.format(name="a", data=number)
    return files


if __name__ == "__main__":
    main()
