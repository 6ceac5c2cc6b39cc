"""Several gitopsds of one installation: what each says of itself, and which of them an application falls to.

Each says in its Lease which replicas it reckons with. What it claims follows from that list alone, so everybody who sees the
Leases knows who claims an application; whoever is alone in it may work on it. Where two claim it, nobody does: one of them has
not seen the other yet, and takes its claim back as soon as it has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from gitopsd.model.app import AppKey


class Mode(StrEnum):
    """How replicas share the applications."""

    SINGLE = "single"
    """There is one process, which has them all."""
    LEADER = "leader"
    """One has them all, the others stand by."""
    SHARDS = "shards"
    """Each has a part of them."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a replica says of itself.

    `identity` tells this process from an earlier one of its `name`; `address` is where its API is (`http://10.0.0.7:8080`, empty
    where nobody can reach it). `reckons` are the replicas that it reckons with, the oldest first: none claims nothing.
    `together` are the applications that go where another one goes, which each of them is with.
    `acquired` and `renewed` are UTC as Kubernetes writes it in microseconds, so they sort as text. `duration` is in seconds:
    a Lease that did not change for so long is that of a dead one. `revision` is what the server calls this version of it.
    """

    name: str
    identity: str
    mode: Mode
    address: str = ""
    reckons: tuple[str, ...] = ()
    together: Mapping[AppKey, AppKey] = field(default_factory=dict)
    acquired: str = ""
    renewed: str = ""
    duration: int = 0
    transitions: int = 0
    revision: str = ""

    def claims(self, key: AppKey) -> bool:
        """Whether the replica takes the application for its own."""
        return bool(self.reckons) and owner(self.together.get(key, key), self.reckons, self.mode) == self.name


@lru_cache(maxsize=1 << 17)
def owner(key: AppKey, replicas: tuple[str, ...], mode: Mode) -> str:
    """Whom an application falls to, of `replicas`, the oldest first.

    As a leader, to the oldest: who comes later changes nothing. As shards, by rendezvous hashing (Thaler and Ravishankar, 1996):
    each application goes to the replica with which it hashes highest, so of one that goes only its own are moved, evenly.
    """
    return replicas[0] if mode is Mode.LEADER else max(replicas, key=lambda name: _weight(name, key))


def _weight(name: str, key: AppKey) -> bytes:
    return hashlib.blake2b(f"{name}\n{key}".encode(), digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class Roll:
    """The Leases of the replicas that are alive, in the eyes of one of them, the oldest first."""

    leases: tuple[Lease, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Who they are."""
        return tuple(lease.name for lease in self.leases)

    def holder(self, key: AppKey) -> Lease | None:
        """Who has the application: the only one that claims it; None while it changes hands."""
        claiming = [lease for lease in self.leases if lease.claims(key)]
        return claiming[0] if len(claiming) == 1 else None
