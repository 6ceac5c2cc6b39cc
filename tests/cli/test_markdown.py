"""Plans as comments on pull requests."""

from __future__ import annotations

from typing import Any

from gitopsd.cli.markdown import LIMIT, markdown

ITEM = {"name": "shop", "namespace": "argocd", "destination": {"cluster": "west", "namespace": "web"}}


def entry(name: str, action: str = "configure", message: str = "differs from Git", **change: Any) -> dict[str, Any]:
    """An object of a plan; `change` is what one of its fields would be."""
    changes = [{"field": field, "before": 1, "after": after} for field, after in change.items()]
    ref = {"group": "", "kind": "ConfigMap", "namespace": "web", "name": name}
    return {"object": ref, "action": action, "message": message, "changes": changes}


def record(*entries: dict[str, Any], refused: str = "") -> dict[str, Any]:
    """A plan as the API gives it."""
    conditions = [{"type": "SyncError", "message": refused}] if refused else []
    return {"objects": list(entries), "revision": "4f0c1f6e0d5a", "digest": "5b0c6f", "conditions": conditions}


def test_a_plan_as_a_comment() -> None:
    """Heading with counts, what and where, a table of steps, the fields folded away, the digest to approve."""
    assert markdown(ITEM, record(entry("a", size=2), entry("b", "create", "not in the cluster"))) == (
        "### shop: 1 to configure, 1 to create\n\n`argocd/shop` at `4f0c1f6e0d` to `west/web`\n\n"
        "| action | object | reason |\n|---|---|---|\n"
        "| configure | `ConfigMap/web/a` | differs from Git |\n| create | `ConfigMap/web/b` | not in the cluster |\n\n"
        "<details><summary>Fields</summary>\n\n| object | field | live | Git |\n|---|---|---|---|\n"
        "| `ConfigMap/web/a` | `size` | `1` | `2` |\n\n</details>\n\nPlan `5b0c6f`\n"
    )


def test_refusals_come_first() -> None:
    """They stop all of it, and stand apart from the steps."""
    text = markdown(ITEM, record(entry("a"), refused="ConfigMap/web/b: Invalid: no"))
    assert text.index("**Refused: nothing of this would be written**\n\n- ConfigMap/web/b: Invalid: no") < text.index(
        "| action |"
    )


def test_nothing_to_do() -> None:
    """Says so, without an empty table."""
    assert markdown(ITEM, record()) == "### shop: no changes\n\n`argocd/shop` at `4f0c1f6e0d` to `west/web`\n\nPlan `5b0c6f`\n"


def test_a_comment_has_a_size() -> None:
    """What does not fit is cut and counted, whichever part it is of, and what was begun is closed."""
    many = [entry(f"object-{number}", **{f"field-{part}": "x" * 100 for part in range(3)}) for number in range(3000)]
    text = markdown(ITEM, record(*many, refused="no " * 1000))
    assert len(text) <= LIMIT
    assert "more are cut here" in text
    assert text.endswith("</details>\n\nPlan `5b0c6f`\n")


def test_what_others_wrote_is_no_markup() -> None:
    """A message can neither break out of its cell nor call for anybody."""
    text = markdown(ITEM, record(entry("a", message="a | b\n</details> `x` @team", field="`|`\n")))
    assert "a \\| b &lt;/details> 'x' @\N{ZERO WIDTH SPACE}team" in text
    assert "`'\\|'`" in text
