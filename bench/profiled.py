"""Runs a module under cProfile, by the CPU time of its first thread: `python -m bench.profiled FILE -m gitopsd run ...`.

CPU time, since on a busy machine the clock mostly says who else was running.
"""

from __future__ import annotations

import cProfile
import runpy
import sys
import time


def main() -> None:
    """What follows `-m` has the rest of the arguments; the statistics are written when it ends."""
    file, _, module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    profile = cProfile.Profile(time.thread_time)
    try:
        profile.runcall(runpy.run_module, module, run_name="__main__", alter_sys=True)
    finally:
        profile.dump_stats(file)


if __name__ == "__main__":
    main()
