"""Commands that order something, against a real HTTP server over a world of fakes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.running import Ran, run
from tests.listening import Listening, listening
from tests.plan.builders import app
from tests.reconciling import World
from tests.serving import Served


@pytest.fixture
def daemon() -> Iterator[Listening]:
    """An application that is Synced at c1 with a ConfigMap `a`."""
    with listening(lambda: Served(World(app=app(prune=True)))) as found:
        found.do(lambda served: served.push("c1", "a"))
        yield found


def at(daemon: Listening, *words: str) -> Ran:
    """The command, about this daemon."""
    return run(*words, "--server", daemon.address)


def test_suspend_and_resume(daemon: Listening) -> None:
    """Nothing is printed where nothing is to be said; `status` says it on stderr, and a sync fails with what to do."""
    assert at(daemon, "suspend", "shop") == Ran(0, "", "")
    assert at(daemon, "status", "shop").err.startswith("shop: suspended by ")
    ran = at(daemon, "sync", "shop")
    assert ran.code == 1
    assert ran.err.endswith("`gitopsd resume argocd/shop` goes on\n")
    assert at(daemon, "resume", "argocd/shop") == Ran(0, "", "")
    assert at(daemon, "status", "shop").err == ""


def test_rollback_and_unpin(daemon: Listening) -> None:
    """It shows what it did, `status` says where the application stays, and `unpin` has it follow Git again."""
    daemon.do(lambda served: served.push("c2", "b"))
    ran = at(daemon, "rollback", "shop")
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "Succeeded at c1: 1 created, 1 pruned"
    assert at(daemon, "status", "shop").err.startswith("shop: pinned to c1 (rolled back to sync 1) by ")
    assert at(daemon, "unpin", "shop") == Ran(0, "", "")
    daemon.do(lambda served: served.quiet())
    assert daemon.served.world.names() == {"ConfigMap/web/b"}
    assert at(daemon, "rollback", "shop", "--to", "77", "--prune").err == (
        "gitopsd: application argocd/shop has no sync 77 to go back to; `gitopsd history argocd/shop` lists them\n"
    )


def test_approve_and_adopt_say_what_is_wrong(daemon: Listening) -> None:
    """What makes no sense as things stand is a failure with a sentence."""
    ran = at(daemon, "approve", "shop", "0123456789")
    assert (ran.code, ran.err) == (
        1,
        "gitopsd: application argocd/shop asks for no approval: gitopsd.dev/approval is not required\n",
    )
    assert at(daemon, "adopt", "shop", "ConfigMap/a") == Ran(0, "", "")
    assert "wants no object ConfigMap/z" in at(daemon, "adopt", "shop", "ConfigMap/z").err
