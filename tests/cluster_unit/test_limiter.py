"""The limit of concurrent requests."""

from __future__ import annotations

import asyncio

from gitopsd.cluster.limiter import Limiter, Limits
from tests.waiting import until


async def test_lets_no_more_through_than_it_allows() -> None:
    """The rest waits, in order, and follows as places become free."""
    limiter, running, most, order = Limiter(start=3, most=3), 0, 0, []

    async def work(number: int) -> None:
        nonlocal running, most
        async with limiter.slot():
            order.append(number)
            running, most = running + 1, max(most, running + 1)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(work(number) for number in range(20)))
    assert most == 3
    assert order == list(range(20))


async def test_halves_once_for_all_that_was_under_way() -> None:
    """Complaints about requests that were sent together count once; later ones count again."""
    limiter = Limiter(start=16, most=16)
    async with limiter.slot(), limiter.slot(), limiter.slot():
        for _ in range(3):
            limiter.busy()
    assert limiter.limit == 8
    limiter.busy()
    limiter.busy()
    assert limiter.limit == 4


async def test_never_stops_and_grows_again() -> None:
    """One request is always allowed; success brings the limit back, up to its most."""
    limiter = Limiter(start=2, most=4)
    for _ in range(10):
        limiter.busy()
    assert limiter.limit == 1
    for _ in range(100):
        limiter.answered(0.01)
    assert limiter.limit == 4


async def test_grows_only_while_answers_stay_quick() -> None:
    """More at once that only makes answers slower is taken back, not below the start; a slower server is got used to."""
    limiter = Limiter(start=4, most=8)
    _answers(limiter, 100, 0.01)
    assert limiter.limit == 8
    _answers(limiter, 100, 0.1)
    assert limiter.limit == 4
    _answers(limiter, 1000, 0.1)
    assert limiter.limit == 8


def _answers(limiter: Limiter, count: int, seconds: float) -> None:
    for _ in range(count):
        limiter.answered(seconds)


async def test_each_sort_has_its_own() -> None:
    """Reads, dry runs and writes are limited apart from each other."""
    limits = Limits()
    assert limits.of("get", dry_run=False) is limits.of("list", dry_run=False) is limits.reads
    assert limits.of("apply", dry_run=True) is limits.trials
    assert limits.of("apply", dry_run=False) is limits.of("delete", dry_run=False) is limits.writes


async def test_a_waiter_that_gives_up_costs_no_place() -> None:
    """A cancelled waiter passes its turn on."""
    limiter = Limiter(start=1, most=1)
    async with limiter.slot():
        first, second = (asyncio.ensure_future(_through(limiter)) for _ in range(2))
        await until(lambda: len(limiter._waiting) == 2)
        first.cancel()
    await second
    assert first.cancelled()


async def _through(limiter: Limiter) -> None:
    async with limiter.slot():
        pass
