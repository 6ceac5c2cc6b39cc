"""`make bench`: all benchmarks, one after the other. Each is a module that can be run by itself."""

from __future__ import annotations

import argparse
import subprocess
import sys


def main() -> int:
    """Runs them; the exit code is 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--applications", default="1000", help="how many applications there are at scale")
    applications: str = parser.parse_args().applications
    codes = []
    for title, arguments in (
        ("Rendering beside kubectl kustomize", ["bench.render"]),
        ("What explanations cost who does not ask", ["bench.explain"]),
        ("A commit in a repository of many applications", ["bench.monorepo"]),
        ("Passes where nothing has changed", ["bench.passes"]),
        ("What each application takes of memory", ["bench.memory"]),
        ("The main job", ["bench.main_job"]),
        ("Watches of thirty kinds in three clusters", ["bench.watches"]),
        ("Many applications on one machine", ["bench.scale", "--applications", applications]),
    ):
        print(f"\n## {title}\n", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", *arguments], check=False).returncode)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
