"""Questions that are answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gitopsd.history.together import Together


class Oracle:
    """Doubles numbers, a turn of the loop later; does not know 13."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def answer(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        await asyncio.sleep(0)
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


async def test_what_comes_meanwhile_is_answered_together() -> None:
    """All that came before the first turn are one question, and no more at a time than may be."""
    oracle = Oracle()
    together = Together(oracle.answer, most=4)
    assert await asyncio.gather(*map(together.ask, range(6))) == [0, 2, 4, 6, 8, 10]
    assert oracle.asked == [[0, 1, 2, 3], [4, 5]]
    assert await together.ask(7) == 14


async def test_one_fails_alone() -> None:
    """Where several fail each is asked by itself."""
    oracle = Oracle()
    together = Together(oracle.answer, most=4)
    answers = await asyncio.gather(*map(together.ask, (12, 13, 14)), return_exceptions=True)
    assert list(map(str, answers)) == ["24", "13", "28"]
    assert oracle.asked == [[12, 13, 14], [12], [13], [14]]


async def test_who_no_longer_waits_is_not_asked_for() -> None:
    """A cancelled question costs nothing and keeps nobody else from an answer."""
    oracle = Oracle()
    together = Together(oracle.answer, most=4)
    gone, stays = asyncio.create_task(together.ask(1)), asyncio.create_task(together.ask(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    await together.end()
    assert oracle.asked == [[2]]
