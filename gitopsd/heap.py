"""Python's garbage collector, kept from stopping the daemon.

A full collection visits every object that is kept, with the loop standing still: 0.2 s of CPU with 500 applications. It would
find next to nothing, as what the daemon keeps are frozen values without cycles, which go when nobody refers to them any more.
So what is there in a quiet moment is set aside (`gc.freeze`), where no collection looks again. Cycles of work under way are
still collected while they are young.
"""

from __future__ import annotations

import gc

_RARELY = 10_000
"""Collections of the middle generation between two full ones: for a daemon that never has a quiet moment."""


def settle() -> None:
    """Once, when the daemon has been put together: what it is made of stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _RARELY)


def set_aside() -> None:
    """In a quiet moment: what has survived until now stays. What is set aside goes like anything else, cycles aside."""
    gc.collect(1)
    gc.freeze()
