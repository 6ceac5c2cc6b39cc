"""The program as a whole: exit codes, help, errors, colours."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from gitopsd import __version__
from gitopsd.cli import main
from gitopsd.model.errors import ConfigError
from tests.cli.running import Ran, run
from tests.listening import listening

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "run",
    "config",
    "render",
    "health",
    "status",
    "plan",
    "diff",
    "sync",
    "terminate",
    "refresh",
    "wait",
    "history",
    "drift",
    "delete",
)


WRONG = (
    "nothing",
    "status --nothing",
    "plan",
    "render a b",
    "history x --limit 0",
    "render . -o xml",
    "sync x --timeout soon",
    "config nothing",
    "run",
)


@pytest.mark.parametrize("words", WRONG)
def test_wrong_usage_is_64(words: str) -> None:
    """One sentence on stderr that says what is wrong and where help is."""
    ran = run(*words.split())
    assert (ran.code, ran.out, ran.err.count("\n")) == (64, "", 1)
    assert ran.err.startswith("gitopsd: ")
    assert "--help" in ran.err


def test_help_is_complete() -> None:
    """Each command is in the list with a sentence; each option of each command has one too."""
    listed = run("--help")
    assert listed.code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in listed.out
        shown = run(command, "--help")
        assert shown.code == 0
        assert shown.out == run(command, "-h").out


def test_without_a_command_help_is_shown() -> None:
    """As kubectl and flux do."""
    assert run() == run("--help")
    assert run("--help").out.startswith("Usage: gitopsd")


def test_the_version() -> None:
    """Of this program."""
    assert run("--version") == Ran(0, f"gitopsd {__version__}\n", "")


def test_help_needs_next_to_nothing() -> None:
    """What a command needs is imported when it runs: that is what keeps the start short."""
    script = "import sys; from gitopsd.cli import main; main(['--help']); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"urllib.request", "http.client", "ssl", "asyncio", "pydantic", "yaml", "pygit2", "fastapi", "rich", "gitopsd.render"}
    assert loaded & heavy == set()


def test_an_error_is_one_sentence_and_a_trace_only_for_debugging(tmp_path: Path) -> None:
    """`--debug` may stand anywhere."""
    missing = str(tmp_path / "nowhere")
    assert run("render", missing).err.count("\n") == 1
    for words in (["--debug", "render", missing], ["render", missing, "--debug"]):
        with pytest.raises(ConfigError, match="is no folder"):
            main(words)


def test_a_module_is_the_program() -> None:
    """`python -m gitopsd` does the same, exit code included."""
    done = subprocess.run([sys.executable, "-m", "gitopsd", "plan"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (64, run("plan").err)


def test_whoever_reads_may_stop_reading() -> None:
    """`| head` is no error."""
    command = f"{sys.executable} -m gitopsd config schema | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def _on_a_terminal(address: str, **environment: str) -> str:
    """What `gitopsd status` shows on a terminal."""
    master, slave = pty.openpty()
    words = [sys.executable, "-m", "gitopsd", "status", "--server", address]
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    subprocess.run(words, stdout=slave, check=True, cwd=ROOT, env={**inherited, **environment})
    os.close(slave)
    with os.fdopen(master, "rb") as terminal:
        return terminal.read1().decode()


def test_colours_only_on_a_terminal() -> None:
    """Green is what is well; NO_COLOR (no-color.org) and a pipe keep it plain."""
    with listening() as daemon:
        assert "\033[32mSynced\033[0m" in _on_a_terminal(daemon.address)
        assert "\033[" not in _on_a_terminal(daemon.address, NO_COLOR="1")
        assert "\033[" not in run("status", "--server", daemon.address).out
