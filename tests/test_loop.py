"""The daemon's event loop tells of turns that were too long."""

from __future__ import annotations

import asyncio
import time

from gitopsd.loop import BLOCKED, WatchedLoop


def test_a_turn_that_is_too_long_is_told() -> None:
    """What computes for longer than the bound is told once, with at least its own seconds."""
    heard: list[float] = []

    async def compute() -> None:
        await asyncio.sleep(0)
        end = time.monotonic() + 2 * BLOCKED
        while time.monotonic() < end:
            pass
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=WatchedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, WatchedLoop)
        loop.listen(heard.append)
        runner.run(compute())
    assert max(heard) >= 2 * BLOCKED
