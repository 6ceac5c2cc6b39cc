"""Plans and syncs as people read them."""

from __future__ import annotations

from collections import Counter
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


def print_markdown(record: dict[str, Any]) -> None:
    """A summary, a table of objects, and the changes folded away."""
    counts = Counter(entry["action"] for entry in record["objects"])
    summary = ", ".join(f"{count} to {action}" for action, count in counts.items()) or "no changes"
    print(f"### Plan for `{record['revision'][:10]}`: {summary}\n")
    for condition in record["conditions"]:
        print(f"> **{condition['type']}**: {_escaped(condition['message'])}\n")
    if not record["objects"]:
        return
    print("| | object | reason |\n|---|---|---|")
    for entry in record["objects"]:
        print(f"| {entry['action']} | `{object_name(entry['object'])}` | {_escaped(entry['message'])} |")
    changes = [(object_name(entry["object"]), change) for entry in record["objects"] for change in entry["changes"]]
    if changes:
        print("\n<details><summary>Fields</summary>\n\n| object | field | live | Git |\n|---|---|---|---|")
        for name, change in changes:
            sides = " | ".join(f"`{_escaped(value(change[side]))}`" for side in ("before", "after"))
            print(f"| `{name}` | `{_escaped(change['field'])}` | {sides} |")
        print("\n</details>")
    print(f"\nPlan digest `{record['digest'][:16]}`")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("`", "'")
