"""The short form of the benchmark of many applications: that it runs, and what of it is no matter of time."""

from __future__ import annotations

import json
from pathlib import Path

from bench.scale import Scale, document
from localcluster import LocalCluster

COUNT = 10


def test_many_applications_in_short(cluster: LocalCluster, tmp_path: Path) -> None:
    """All acts come to their end; no time of them is judged.

    A commit that changes nothing rendered asks the API server nothing, one that changes one object takes at most three requests,
    a restart writes nothing, and the table and the JSON document have a line for each act.
    """
    with Scale(cluster, tmp_path / "daemon", COUNT, idle_seconds=1).running() as scale:
        measures = scale.measures()
    by_name = {measure.name: measure for measure in measures}
    assert by_name["install"].requests["APPLY"] >= 4 * COUNT
    assert by_name["a commit that changes nothing rendered"].sent == 0
    assert by_name["a commit that changes one application"].sent <= 3
    assert "APPLY" not in by_name["restart in sync"].requests
    figures = json.loads(json.dumps(document(COUNT, "v1", measures)))
    assert [figure["name"] for figure in figures["measures"]] == list(by_name)
    assert all(figure["says"] for figure in figures["measures"])
