from __future__ import annotations

from gitopsd.health import OwnRules
from gitopsd.health.report import lines


def test_a_line_for_each_object() -> None:
    """Objects come out in order, each with kind, name, status and message."""
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "status": {"phase": "Pending"}}
    assert list(lines([claim, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}], OwnRules())) == [
        {"kind": "PersistentVolumeClaim", "name": "data", "status": "Progressing", "message": "phase is Pending"},
        {"kind": "ConfigMap", "name": "c", "status": "Healthy", "message": ""},
    ]


def test_a_list_stands_for_its_members() -> None:
    """`kubectl get -o yaml` writes a List; its members are what is asked about. Empty documents are passed over."""
    found = lines([None, {"apiVersion": "v1", "kind": "List", "items": [{"kind": "A"}, {"kind": "B"}, "?"]}, 7], OwnRules())
    assert [line["kind"] for line in found] == ["A", "B"]


def test_an_object_that_is_hardly_one() -> None:
    """Whatever JSON object it is, it has a line."""
    assert list(lines([{"kind": 1, "metadata": []}], OwnRules())) == [
        {"kind": "1", "name": "", "status": "Healthy", "message": ""}
    ]
