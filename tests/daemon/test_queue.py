"""The work queue: coalescing, order, and never two passes over one application."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from gitopsd.daemon.queue import WorkQueue
from gitopsd.model.app import AppKey
from gitopsd.model.record import Trigger, TriggerKind

A, B, C = (AppKey("argocd", name) for name in "abc")


async def _take(queue: WorkQueue, count: int) -> list[tuple[AppKey, TriggerKind]]:
    taken = []
    for _ in range(count):
        key, trigger = await queue.get()
        taken.append((key, trigger.kind))
        queue.done(key)
    return taken


async def test_triggers_of_one_application_are_one_pass() -> None:
    """However often an application is triggered before its turn, it is worked on once, for the most telling reason."""
    queue = WorkQueue()
    for kind in (TriggerKind.WATCH, TriggerKind.POLL, TriggerKind.WATCH):
        queue.put(A, Trigger(kind))
    assert await _take(queue, 1) == [(A, TriggerKind.POLL)]
    assert len(queue) == 0


async def test_people_go_first() -> None:
    """A person's request passes everything that waits, and moves up its application where it waits already."""
    queue = WorkQueue()
    for key in (A, B, C):
        queue.put(key, Trigger(TriggerKind.POLL))
    queue.put(C, Trigger(TriggerKind.MANUAL, actor="ann"))
    taken = await _take(queue, 3)
    assert [key for key, _ in taken] == [C, A, B]
    assert len(queue) == 0


async def test_lanes_take_turns() -> None:
    """What one repository brings, however much, is worked on in turns with what others bring, and with other triggers."""
    queue = WorkQueue(lane=lambda key: key.name[0])
    many = [AppKey("argocd", f"many-{index}") for index in range(4)]
    for key in many:
        queue.put(key, Trigger(TriggerKind.POLL))
    queue.put(A, Trigger(TriggerKind.POLL))
    queue.put(AppKey("argocd", "many-drifted"), Trigger(TriggerKind.WATCH))
    taken = await _take(queue, 6)
    assert [key.name for key, _ in taken] == ["many-0", "a", "many-drifted", "many-1", "many-2", "many-3"]


async def test_an_application_is_never_worked_on_twice_at_once() -> None:
    """A trigger that comes during a pass waits for its end, and is not lost."""
    queue = WorkQueue()
    queue.put(A, Trigger(TriggerKind.POLL))
    await queue.get()
    queue.put(A, Trigger(TriggerKind.WATCH))
    queue.put(B, Trigger(TriggerKind.POLL))
    assert (await queue.get())[0] == B
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done(A)
    assert (await waiting)[1].kind is TriggerKind.WATCH


async def test_a_dropped_application_has_no_turn() -> None:
    """One that left the configuration while it waited is passed over."""
    queue = WorkQueue()
    queue.put(A, Trigger(TriggerKind.POLL))
    queue.put(B, Trigger(TriggerKind.POLL))
    queue.drop(A)
    assert (await queue.get())[0] == B


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.sampled_from(list(TriggerKind))), max_size=30))
def test_every_trigger_is_followed_by_a_pass(puts: list[tuple[AppKey, TriggerKind]]) -> None:
    """Whatever is put in comes out, once for each application, and the queue is empty then."""

    async def run() -> None:
        queue = WorkQueue()
        for key, kind in puts:
            queue.put(key, Trigger(kind))
        keys = {key for key, _ in puts}
        assert {key for key, _ in await _take(queue, len(keys))} == keys
        assert len(queue) == 0

    asyncio.run(run())


async def test_a_cluster_in_doubt_takes_few_places() -> None:
    """Applications of a cluster that may not answer step aside for the others, and come back in turn."""
    dead = [AppKey("dead", str(number)) for number in range(5)]
    queue = WorkQueue(doubt=lambda key: key.namespace if key.namespace == "dead" else "", narrow=2)
    for key in (*dead, A):
        queue.put(key, Trigger(TriggerKind.POLL))
    assert [(await queue.get())[0] for _ in range(3)] == [*dead[:2], A]
    queue.put(dead[4], Trigger(TriggerKind.MANUAL))
    queue.put(dead[3], Trigger(TriggerKind.MANUAL))
    queue.put(B, Trigger(TriggerKind.POLL))
    assert (await queue.get())[0] == B
    queue.done(dead[0])
    assert (await queue.get())[0] in dead[3:]
    queue.done(dead[1])
    assert (await queue.get())[0] in dead[3:]
    queue.done(dead[3])
    assert (await queue.get())[0] == dead[2]
    assert len(queue) == 0


async def test_a_cluster_that_is_back_takes_all_places() -> None:
    """What stood aside is taken up with the trigger that its cluster's return brings, though those before it still run."""
    doubtful = {"dead"}
    keys = [AppKey("dead", str(number)) for number in range(4)]
    queue = WorkQueue(doubt=lambda key: key.namespace if key.namespace in doubtful else "", narrow=1)
    for key in keys:
        queue.put(key, Trigger(TriggerKind.POLL))
    queue.put(A, Trigger(TriggerKind.POLL))
    assert [(await queue.get())[0] for _ in range(2)] == [keys[0], A]
    doubtful.clear()
    for key in keys:
        queue.put(key, Trigger(TriggerKind.WATCH))
    assert [await queue.get() for _ in range(3)] == [(key, Trigger(TriggerKind.POLL)) for key in keys[1:]]
