"""The benchmark of memory, in short: what it measures is not judged here."""

from __future__ import annotations

import contextlib
from pathlib import Path

from bench.memory import COMMITS, measured, prepared


async def test_a_few_applications_over_a_simulated_cluster(tmp_path: Path) -> None:
    """Install and changes come to their end, and each has its figures."""
    with contextlib.chdir(tmp_path):
        figures = await measured(prepared(3), 3)
    assert [figure.keys() for figure in figures] == [{"daemon", "all", "cpu"}] * COMMITS
