"""A plan as a comment on a pull request: what would be done, why, and what stops it, within the size that a comment may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gitopsd.cli.output import object_name, value

LIMIT = 65_536
"""Characters of a comment on GitHub; other forges take more."""
_RESERVE = 400
"""For what closes the text, whatever was cut."""


def markdown(item: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """The plan of an application. What is too long for a comment is cut, and how much of it is said."""
    where, entries = item["destination"], record["objects"]
    counts = Counter(entry["action"] for entry in entries)
    summary = ", ".join(f"{count} to {action}" for action, count in counts.items()) or "no changes"
    target = "/".join(filter(None, (where["cluster"], where["namespace"])))
    text = f"### {item['name']}: {summary}\n\n"
    text += f"`{item['namespace']}/{item['name']}` at `{record['revision'][:10]}` to `{_plain(target)}`\n"
    refused = [condition for condition in record["conditions"] if condition["type"] == "SyncError"]
    text += "".join(f"\n> **{one['type']}**: {_cell(one['message'])}\n" for one in record["conditions"] if one not in refused)
    if refused:
        text += _part(
            "\n**Refused: nothing of this would be written**\n\n", (f"- {_cell(one['message'])}\n" for one in refused), text
        )
    if entries:
        rows = (f"| {entry['action']} | `{object_name(entry['object'])}` | {_cell(entry['message'])} |\n" for entry in entries)
        text += _part("\n| action | object | reason |\n|---|---|---|\n", rows, text)
    changes = [(object_name(entry["object"]), change) for entry in entries for change in entry["changes"]]
    if changes:
        head = "\n<details><summary>Fields</summary>\n\n| object | field | live | Git |\n|---|---|---|---|\n"
        text += _part(head, (_change(name, change) for name, change in changes), text) + "\n</details>\n"
    return f"{text}\nPlan `{record['digest']}`\n"


def _part(head: str, rows: Iterable[str], before: str) -> str:
    """The rows below their heading, as many as fit behind what is there `before`."""
    room, part, cut = LIMIT - _RESERVE - len(before), head, 0
    for row in rows:
        if cut or len(part) + len(row) > room:
            cut += 1
        else:
            part += row
    return f"{part}\n{cut} more are cut here; `gitopsd plan` shows all.\n" if cut else part


def _change(name: str, change: Mapping[str, Any]) -> str:
    sides = " | ".join(f"`{_plain(value(change[side]))}`" for side in ("before", "after"))
    return f"| `{name}` | `{_plain(change['field'])}` | {sides} |\n"


def _plain(text: str) -> str:
    """Text within backticks in a cell."""
    return _flat(text).replace("`", "'")


def _cell(text: str) -> str:
    """Text of any origin in a cell: no markup of its own, nobody is mentioned."""
    return _flat(text).replace("`", "'").replace("<", "&lt;").replace("@", "@\N{ZERO WIDTH SPACE}")


def _flat(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
