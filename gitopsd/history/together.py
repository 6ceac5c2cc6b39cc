"""Questions that are answered together: a round trip to the thread costs more than what most of them ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Together(Generic[Question, Answer]):
    """Those that come while others are being answered are the next ones, at most `most` at a time.

    `answer` gives the answers in the order of the questions. Where it fails for several, each is asked by itself, so that none
    fails for another one's sake. Whoever no longer waits is not asked for.
    """

    answer: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]]
    most: int
    _waiting: list[tuple[Question, asyncio.Future[Answer]]] = field(default_factory=list)
    _answering: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    async def ask(self, question: Question) -> Answer:
        """The answer. Raises what `answer` raises for this question."""
        waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, waiter))
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._answer_waiting(), name="history")
        return await waiter

    async def end(self) -> None:
        """When everybody has an answer."""
        if self._answering:
            await self._answering

    async def _answer_waiting(self) -> None:
        while self._waiting:
            turn = [(question, waiter) for question, waiter in self._waiting[: self.most] if not waiter.cancelled()]
            del self._waiting[: self.most]
            if turn:
                await self._answer_all(turn)

    async def _answer_all(self, turn: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self.answer([question for question, _ in turn])
        except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
            if len(turn) > 1:
                for one in turn:
                    await self._answer_all([one])
            elif not turn[0][1].cancelled():
                turn[0][1].set_exception(error)
            return
        for (_, waiter), answer in zip(turn, answers, strict=True):
            if not waiter.cancelled():
                waiter.set_result(answer)
