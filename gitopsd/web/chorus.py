"""The events of all replicas in one stream: our own, and what the others tell us of theirs.

Its ids are made of the newest id of each. Whoever comes back with one, here or at another replica, goes on from there: the id is
passed on as it is, and each replica finds its own in it. One that is not in it, since it came later, says `reset`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

from gitopsd.model.errors import PeerError
from gitopsd.model.replicas import Lease
from gitopsd.peers import Question
from gitopsd.web.elsewhere import Others
from gitopsd.web.events import JOINT

SILENCE = 40.0
"""Seconds without a word from a replica, which says something each 15 s: it is asked anew."""
_PAUSE = 1.0
"""Seconds between two looks at who is there, and before one that does not answer is asked again."""
_AHEAD = 100
"""Events that wait for a slow listener here; all others wait where they are."""


@dataclass(slots=True)
class Chorus:
    """One stream for one listener, who asked `question`. A replica that goes, or does not answer, ends nothing."""

    others: Others
    question: Question
    _heard: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(_AHEAD))
    _newest: dict[str, str] = field(default_factory=dict)
    """Of each replica, the id that was heard last."""
    _following: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def stream(self, own: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
        """Ends when our `own` events end."""
        self._look()  # before anything is heard: those who are there now are asked what the listener asked
        tasks = [asyncio.create_task(self._take(own)), asyncio.create_task(self._keep_looking())]
        try:
            while (event := await self._heard.get()) is not None:
                yield event
        finally:
            tasks += self._following.values()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, own: AsyncGenerator[str, None]) -> None:
        async with aclosing(own):
            async for event in own:
                await self._hear(self.others.me, event)
        await self._heard.put(None)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            self._look()

    def _look(self) -> None:
        """Follows those who are there, and nobody else."""
        there = {replica.name: replica for replica in self.others.all()}
        for name in self._following.keys() - there.keys():
            self._following.pop(name).cancel()
            self._newest.pop(name, None)
        for name in there.keys() - self._following.keys():
            self._following[name] = asyncio.create_task(self._follow(there[name]))

    async def _follow(self, replica: Lease) -> None:
        while True:
            known = {"last-event-id": JOINT.join(self._newest.values())} if self._newest else {}
            question = replace(self.question, headers={**self.question.headers, **known})
            with suppress(PeerError):
                async with aclosing(self.others.follow(replica, question)) as events:
                    async for event in events:
                        await self._hear(replica.name, event)
            await asyncio.sleep(_PAUSE)

    async def _hear(self, replica: str, event: str) -> None:
        first, _, rest = event.partition("\n")
        name, _, newest = first.partition(": ")
        if name == "id":
            self._newest[replica] = newest
            event = f"id: {JOINT.join(self._newest.values())}\n{rest}"
        await self._heard.put(event)
