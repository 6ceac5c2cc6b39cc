"""The garbage collector does not look at what the daemon keeps."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from gitopsd import heap


@dataclass
class Kept:
    """Something that refers to others."""

    others: list[Kept] = field(default_factory=list)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The collector belongs to the other tests too."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_is_kept_is_not_looked_at() -> None:
    """Neither what the daemon is made of, nor what has come since, once a quiet moment has set it aside."""
    made_of = Kept()
    heap.settle()
    came = Kept()
    assert [any(known is one for known in gc.get_objects()) for one in (made_of, came)] == [False, True]
    heap.set_aside()
    assert not any(known is came for known in gc.get_objects())


def test_what_is_set_aside_goes_when_nobody_refers_to_it() -> None:
    """And rubbish in circles, as it is left by work that is over, is collected before."""
    kept, circle = Kept(), Kept()
    circle.others.append(circle)
    gone = weakref.ref(kept), weakref.ref(circle)
    del circle
    heap.set_aside()
    assert gone[1]() is None
    del kept
    assert gone[0]() is None
