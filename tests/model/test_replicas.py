"""Which replica an application falls to, and who may work on it: pure, and the same for everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gitopsd.model.app import AppKey
from gitopsd.model.replicas import Lease, Mode, Roll, owner

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=20)
REPLICAS = st.lists(NAMES, min_size=1, max_size=6, unique=True).map(tuple)
KEYS = st.builds(AppKey, NAMES, NAMES)
APPS = [AppKey("argocd", f"app-{number}") for number in range(3000)]


def lease(name: str, *reckons: str, mode: Mode = Mode.SHARDS) -> Lease:
    """That of a replica that reckons with these."""
    return Lease(name, f"{name}_1", mode, reckons=reckons)


@given(KEYS, REPLICAS, st.data())
def test_a_shard_is_the_same_in_everybodys_eyes(key: AppKey, replicas: tuple[str, ...], data: st.DataObject) -> None:
    """It depends on who is there, not on the order in which one has heard of them."""
    shuffled = tuple(data.draw(st.permutations(replicas)))
    assert owner(key, replicas, Mode.SHARDS) == owner(key, shuffled, Mode.SHARDS)


@given(KEYS, REPLICAS, NAMES)
def test_only_what_has_to_move_moves(key: AppKey, replicas: tuple[str, ...], other: str) -> None:
    """Where a replica comes, applications move to it and nowhere else; where it goes, only its own move."""
    without = tuple(name for name in replicas if name != other) or ("somebody",)
    before, after = (owner(key, there, Mode.SHARDS) for there in (without, (*without, other)))
    assert after in (before, other)


def test_shards_are_even() -> None:
    """Of 3,000 applications each of four replicas has a quarter, give or take a tenth of that."""
    shares = Counter(owner(key, ("a", "b", "c", "d"), Mode.SHARDS) for key in APPS)
    assert all(675 < share < 825 for share in shares.values()), shares


@given(KEYS, REPLICAS, NAMES)
def test_a_leader_stays(key: AppKey, replicas: tuple[str, ...], newcomer: str) -> None:
    """The oldest has everything, and who comes later changes nothing."""
    assert owner(key, replicas, Mode.LEADER) == owner(key, (*replicas, newcomer), Mode.LEADER) == replicas[0]


def holders(roll: Sequence[Lease]) -> set[str]:
    """Who has any of the applications."""
    found = (Roll(tuple(roll)).holder(key) for key in APPS)
    return {one.name for one in found if one}


def test_a_newcomer_claims_nothing_before_it_reckons_with_the_others() -> None:
    """As long as it has said nothing, the others keep what they have."""
    assert holders([lease("a", "a", "b"), lease("b", "a", "b"), lease("c")]) == {"a", "b"}


def test_nobody_has_what_two_claim() -> None:
    """The newcomer reckons with all, one has not heard of it: what both claim rests until one has taken its claim back."""
    roll = Roll((lease("a", "a"), lease("b", "a", "b")))
    claimed = [key for key in APPS if roll.leases[1].claims(key)]
    assert claimed
    assert all(roll.holder(key) is None for key in claimed)
    assert all(holder and holder.name == "a" for key in APPS if key not in claimed for holder in [roll.holder(key)])


def test_modes_may_differ_while_they_are_changed() -> None:
    """A leader that has not been restarted yet claims everything: nothing is worked on by a shard beside it."""
    assert holders([lease("a", "a", "b", mode=Mode.LEADER), lease("b", "a", "b")]) == {"a"}


@given(st.lists(st.tuples(NAMES, REPLICAS), max_size=5, unique_by=lambda pair: pair[0]), KEYS)
def test_no_application_has_two_holders(replicas: list[tuple[str, tuple[str, ...]]], key: AppKey) -> None:
    """Whatever they reckon with: who has an application is the only one that claims it."""
    roll = Roll(tuple(lease(name, *reckons) for name, reckons in replicas))
    holder = roll.holder(key)
    assert [one.name for one in roll.leases if one.claims(key)] == [holder.name] if holder else True
