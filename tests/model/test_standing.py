"""Standing orders as values, and as what is stored of them."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime

from gitopsd.model.standing import KINDS, Order, Standing, Suspended, standing_of, stored

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def any_of(kind: type[Order]) -> Order:
    """An order of this kind; its own fields are texts, or tuples of texts."""
    own = {entry.name: ("a", "b") if "tuple" in str(entry.type) else "a" for entry in fields(kind)}
    return kind(**own | {"by": "ann", "since": NOW})  # type: ignore[arg-type]


def test_every_kind_has_its_field_and_can_be_stored() -> None:
    """What is stored is JSON, and reads as it was."""
    assert [entry.name for entry in fields(Standing)] == [kind.__name__.lower() for kind in KINDS]
    for kind in KINDS:
        order = any_of(kind)
        assert standing_of(json.loads(json.dumps({order.name: stored(order)}))) == Standing().plus(order)
        assert str(order).startswith(order.name)


def test_what_another_version_stored_is_passed_over() -> None:
    """An older gitopsd starts on the database of a newer one."""
    assert standing_of({"postponed": {"by": "ann"}}) == Standing()


def test_only_the_order_that_was_seen_is_lifted() -> None:
    """One that was given since stands."""
    first, second = Suspended(by="ann", since=NOW), Suspended(by="bob", since=NOW)
    assert Standing(first).without([first]) == Standing()
    assert Standing(second).without([first]) == Standing(second)
