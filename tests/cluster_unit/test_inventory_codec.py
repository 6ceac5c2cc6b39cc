"""The inventory as a ConfigMap and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.cluster.config import Identity
from gitopsd.cluster.inventory_codec import DIGEST, ID_LABEL, INSTALLATION, PLAIN, TOOLING, decode, encode, parent_ref
from gitopsd.model.app import AppKey
from gitopsd.model.errors import ObjectError
from gitopsd.model.marks import applyset_id
from gitopsd.model.plan import Inventory, Member
from gitopsd.model.refs import ObjectRef

IDENTITY, APP = Identity("prod"), AppKey("argocd", "web")
NAMES = st.text(min_size=1, max_size=20)
GROUPS = st.sampled_from(["", "apps", "example.test"])


@st.composite
def members(draw: st.DrawFn) -> Member:
    """Any member."""
    group = draw(GROUPS)
    ref = ObjectRef(group, draw(NAMES), draw(st.text(max_size=20)), draw(NAMES))
    return Member(ref, f"{group}/v1" if group else "v1", draw(st.text(max_size=36)))


@given(st.lists(members(), max_size=8))
def test_comes_back_as_it_was(given_members: list[Member]) -> None:
    """Whatever the names are; and the same members give the same ConfigMap."""
    inventory = Inventory({member.ref: member for member in given_members})
    obj = encode(IDENTITY, APP, inventory)
    assert decode(IDENTITY, APP, obj) == inventory
    assert encode(IDENTITY, APP, Inventory(dict(reversed(list(inventory.members.items()))))) == obj


def _one() -> dict[str, Any]:
    ref = ObjectRef("apps", "Deployment", "web", "api")
    return encode(IDENTITY, APP, Inventory({ref: Member(ref, "apps/v1", "uid")}))


def test_is_readable_by_people() -> None:
    """One line of compact JSON, and the marks of an ApplySet."""
    obj = _one()
    assert obj["data"][PLAIN] == '[["apps/v1","Deployment","web","api","uid"]]'
    assert obj["metadata"]["labels"][ID_LABEL] == applyset_id(parent_ref(IDENTITY, APP))


def _set(*path: str, to: Any) -> Any:
    def damage(obj: dict[str, Any]) -> None:
        for step in path[:-1]:
            obj = obj.setdefault(step, {})
        if to is None:
            obj.pop(path[-1], None)
        else:
            obj[path[-1]] = to

    return damage


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_set("data", PLAIN, to="[]"), "Damaged"),
        (_set("data", to=None), "Damaged"),
        (_set("metadata", "annotations", DIGEST, to=None), "Damaged"),
        (_set("metadata", "labels", ID_LABEL, to="applyset-of-another"), "Damaged"),
        (_set("metadata", "annotations", TOOLING, to="kubectl/v1.37"), "OwnedByAnother"),
        (_set("metadata", "annotations", INSTALLATION, to="stage"), "OwnedByAnother"),
        (_set("metadata", "annotations", to=None), "OwnedByAnother"),
    ],
)
def test_damage_is_never_an_empty_inventory(damage: Any, reason: str) -> None:
    """Whatever is not as we wrote it is an error that says what to do."""
    obj = _one()
    damage(obj)
    with pytest.raises(ObjectError) as error:
        decode(IDENTITY, APP, obj)
    assert error.value.reason == reason


def test_too_many_are_refused() -> None:
    """What does not fit into a ConfigMap even packed is an error before anything is written."""
    refs = [ObjectRef("", "ConfigMap", "web", f"{number:x}-{hash(str(number)):x}") for number in range(120_000)]
    huge = Inventory({ref: Member(ref, "v1", f"{hash(ref.name):x}{hash(ref):x}") for ref in refs})
    with pytest.raises(ObjectError, match="too many for one application"):
        encode(IDENTITY, APP, huge)
