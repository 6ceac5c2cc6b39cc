"""The order of a plan: phase, wave, kind, name (semantics: Argo CD's order), and what may run at the same time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from itertools import groupby

from gitopsd.model.plan import Action, Step
from gitopsd.model.refs import ObjectRef
from gitopsd.plan.annotations import wave

_PHASES = ("PreSync", "Sync", "PostSync", "SyncFail")
_PRUNE_PHASE = _PHASES.index("Sync")
Rank = tuple[int, int, int, int]
"""Phase, prune after apply, wave, kind: steps of equal rank may run at the same time."""


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
    if step.action is Action.PRUNE:
        applied_in = wave(step.live.object) if step.live and step.live.object else 0
        return (_PRUNE_PHASE, 1, -applied_in, -kind_rank(step.ref))
    desired = step.desired
    phase = _PHASES.index(desired.hook[0]) if desired and desired.hook and desired.hook[0] in _PHASES else _PRUNE_PHASE
    return (phase, 0, desired.wave if desired else 0, kind_rank(step.ref))


def ordered(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps in the order in which they are carried out."""
    return tuple(sorted(steps, key=lambda step: (rank(step), step.ref)))


def waves(steps: Iterable[Step]) -> Iterator[tuple[Step, ...]]:
    """Runs of steps that end with a health gate: one phase and wave each; prunes are a run of their own."""
    for _, run in groupby(ordered(steps), key=lambda step: rank(step)[:3]):
        yield tuple(run)


def batches(steps: Iterable[Step]) -> Iterator[tuple[Step, ...]]:
    """Steps of equal rank: a batch may be written at once."""
    for _, run in groupby(ordered(steps), key=rank):
        yield tuple(run)
