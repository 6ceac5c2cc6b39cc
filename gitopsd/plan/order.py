"""The order of a plan: phase, wave, dependencies, kind, name (semantics: Argo CD's order), and what may run at the same time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import resources
from itertools import groupby

from gitopsd.model.hooks import SyncPhase
from gitopsd.model.plan import Action, Desired, Plan, Step
from gitopsd.model.refs import ObjectRef
from gitopsd.plan.annotations import wave

_PHASES = {phase: place for place, phase in enumerate(SyncPhase)}


class Part(IntEnum):
    """The parts of a phase: what is applied, what is pruned after it, and what is pruned only when all of it is healthy."""

    APPLY = 0
    PRUNE = 1
    PRUNE_LAST = 2


StageRank = tuple[int, Part, int, int]
"""Phase, part, wave, level of dependencies: what is equal in these ends with one health gate."""
Rank = tuple[StageRank, int]
"""A stage and a kind: steps of equal rank may run at the same time."""


@cache
def _kind_ranks() -> dict[str, int]:
    data = json.loads(resources.files(__package__).joinpath("kinds.json").read_text())
    return {kind: index for index, kind in enumerate(data["order"])}


def kind_rank(ref: ObjectRef) -> int:
    """The place of a kind: Namespace first, unknown kinds (custom resources) after all built-in ones."""
    ranks = _kind_ranks()
    return ranks.get(ref.kind, len(ranks))


def rank(step: Step) -> Rank:
    """Where a step stands. Prunes come after the applies of their phase, in mirrored order: what was made last goes first."""
    if step.desired is None:
        going = _PHASES[step.phase], Part.PRUNE_LAST if step.last else Part.PRUNE, -_wave_of(step), -step.level
        return going, -kind_rank(step.ref)
    return _standing(step.desired, step.phase), kind_rank(step.ref)


def _standing(desired: Desired, phase: SyncPhase) -> StageRank:
    return _PHASES[phase], Part.APPLY, desired.wave, desired.level


def _wave_of(step: Step) -> int:
    return wave(step.live.object) if step.live and step.live.object else 0


def ordered(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps in the order in which they are carried out."""
    return tuple(sorted(steps, key=lambda step: (rank(step), step.ref)))


@dataclass(frozen=True, slots=True)
class Stage:
    """What ends with one health gate: steps of one phase, wave and level. `standing` are the objects of it that need no step."""

    rank: StageRank
    steps: tuple[Step, ...]
    standing: tuple[Desired, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether anything is done in it."""
        return any(step.action is not Action.SKIP for step in self.steps)

    @property
    def is_final(self) -> bool:
        """Whether it is waited for in any case: a deletion is over only when everything is gone."""
        return self.rank[0] == _PHASES[SyncPhase.DELETE]

    @property
    def prunes(self) -> bool:
        """Whether it deletes."""
        return self.rank[1] is not Part.APPLY

    def is_awaited_by(self, later: Stage) -> bool:
        """Whether `later` begins only when this one is healthy (gone): always, but prunes follow applies without PruneLast."""
        return later.writes and not (later.rank[1] is Part.PRUNE and not self.prunes)


def stages(plan: Plan) -> tuple[Stage, ...]:
    """The plan's stages in order."""
    steps = {key: tuple(run) for key, run in groupby(plan.steps, key=lambda step: rank(step)[0])}
    standing: dict[StageRank, list[Desired]] = {}
    for desired in plan.unchanged:
        standing.setdefault(_standing(desired, SyncPhase.SYNC), []).append(desired)
    return tuple(Stage(key, steps.get(key, ()), tuple(standing.get(key, ()))) for key in sorted(steps.keys() | standing.keys()))


def batches(steps: Iterable[Step]) -> Iterator[tuple[Step, ...]]:
    """Steps of equal rank: a batch may be written at once."""
    for _, run in groupby(ordered(steps), key=rank):
        yield tuple(run)
