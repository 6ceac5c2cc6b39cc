"""Waiting for a condition, in place of sleeping for as long as it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Returns when `condition()` holds; the test's own timeout ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 - the conditions of other processes send no event
        await asyncio.sleep(0.01)
