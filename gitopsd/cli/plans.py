"""Plans and syncs as people read them."""

from __future__ import annotations

from typing import Any

from gitopsd.cli.output import object_name, painted, print_table, value

_MARKS = {"create": "+", "configure": "~", "recreate": "!", "prune": "-", "detach": "-", "hook": ">", "skip": " "}


def print_plan(record: dict[str, Any]) -> None:
    """Each object with what is, or was, done to it, its changes below; then the sentence that sums up."""
    for entry in record["objects"]:
        done = "" if entry["status"] == "Pending" else f" {painted(entry['status'])}"
        print(f"{_marked(entry)}{done}  {entry['message']}".rstrip())
        for change in entry["changes"]:
            print(f"      {change['field']}: {value(change['before'])} -> {value(change['after'])}{_held(change)}")
    for condition in record["conditions"]:
        print(f"{painted(condition['type'])}: {condition['message']}")
    for warning in record["warnings"]:
        print(f"warning: {warning}")
    print(f"{painted(record['phase'])} at {record['revision'][:10] or '(no revision)'}: {record['result']}")


def print_diff(record: dict[str, Any]) -> None:
    """Only what differs."""
    for entry in record["objects"]:
        name = object_name(entry["object"])
        if entry["action"] == "configure":
            print(f"~ {name}")
        else:
            print(f"{_MARKS.get(entry['action'], ' ')} {name}  {entry['message']}")
        if entry["changes"]:
            rows = (("   ", c["field"], value(c["before"]), "->", value(c["after"]), _held(c).strip()) for c in entry["changes"])
            print_table(("   ", "FIELD", "LIVE", "", "GIT", "HELD BY"), rows)


def _marked(entry: dict[str, Any]) -> str:
    return f"{_MARKS.get(entry['action'], ' ')} {painted(entry['action'], 9)} {object_name(entry['object'])}"


def _held(change: dict[str, Any]) -> str:
    return f"  ({change['manager']}, {change['operation']} {change['time']})" if change["manager"] else ""
