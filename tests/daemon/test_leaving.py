"""Applications that go: by their document, by their finalizer, by a person's word."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.leaving import Left
from gitopsd.model.app import App, AppKey
from gitopsd.model.deletion import Deletion
from gitopsd.model.errors import ObjectError
from gitopsd.model.record import SyncStatus
from gitopsd.model.status import AppStatus
from tests.daemon.test_waits import needing, room
from tests.plan.builders import app, manifest, ref
from tests.waiting import until

FINALIZER = "resources-finalizer.argocd.argoproj.io"


def held(of: App, finalizer: str = FINALIZER) -> App:
    """The application with a finalizer."""
    return replace(of, finalizers=(finalizer,))


def gone(status: AppStatus) -> bool:
    """Whether its deletion is over."""
    return status.app.deletion is not None and status.app.deletion.done


async def test_a_finalizer_deletes_what_leaves_the_configuration() -> None:
    """The application is shown until its objects are gone; then it is gone too. One without finalizer leaves them."""
    async with room(of=held(app(prune=True, self_heal=True), f"{FINALIZER}/background")) as found:
        found.push("c1", manifest(name="a"))
        await until(lambda: found.status().settled and found.status().revision == "c1")
        found.cluster.failures["write", ref("a")] = ObjectError(ref("a"), "delete", "Forbidden", "protected")
        assert found.agent.adopt({}, {}) == ()
        await until(lambda: bool(found.status().conditions))
        assert found.status().conditions[0].type == "DeletionError"
        assert found.status().app.deletion == Deletion(cascade=True, propagation="background")
        found.cluster.failures.clear()
        found.agent.delete(found.world.app.key, Deletion(cascade=True, propagation="background"))
        await until(lambda: found.agent.adopt({}, {}) == (found.world.app.key,))
        assert found.world.names() == set()
        assert found.agent.statuses() == ()


async def test_an_application_that_comes_back_is_not_deleted() -> None:
    """Its document is there again before its objects were gone: they come back too."""
    of = held(app(prune=True, self_heal=True))
    async with room(of=of) as found:
        found.push("c1", manifest(name="a"))
        await until(lambda: found.status().settled and found.status().revision == "c1")
        found.agent.adopt({}, {})
        found.agent.adopt({of.key: of}, {})
        await until(lambda: found.status().settled and not found.agent.queue)
        assert found.status().app.deletion is None
        assert found.world.names() == {"ConfigMap/web/a"}


async def test_what_a_person_deleted_stays_deleted() -> None:
    """As long as its document is there it is shown, and nothing brings it back; with the document it goes."""
    async with room() as found:
        key = found.world.app.key
        found.push("c1", manifest(name="a"))
        await until(lambda: found.status().settled and found.status().revision == "c1")
        found.agent.delete(key, Deletion(cascade=True, by="ann"))
        await until(lambda: gone(found.status()))
        found.agent.adopt({key: found.world.app}, {})
        found.push("c2", manifest(name="a"))
        await until(lambda: not found.agent.queue and not found.agent._passes)
        assert found.world.names() == set()
        assert found.agent.adopt({}, {}) == (key,)


async def test_what_depends_on_others_goes_first() -> None:
    """Applications that are deleted together go in the other direction."""
    first, second = needing("db"), needing("web", "db")
    async with room(held(first), held(second)) as found:
        keys = [AppKey("argocd", "db"), AppKey("argocd", "web")]
        await until(lambda: all(found.status(key.name).sync is SyncStatus.SYNCED for key in keys))
        found.agent.delete(keys[0], Deletion(cascade=True))
        found.agent.delete(keys[1], Deletion(cascade=True))
        await until(lambda: all(gone(found.status(key.name)) for key in keys))
        order = [record.app.name for record in found.world.history.records.values() if record.message == "nothing to do"]
        assert order == ["web", "db"]


async def test_a_deletion_goes_on_after_a_crash() -> None:
    """Its document is gone, and so is the daemon that had read it: the order has what is needed, hooks too."""
    async with room(of=held(app(prune=True, self_heal=True))) as found:
        found.push("c1", manifest(name="a"))
        await until(lambda: found.status().settled and found.status().revision == "c1")
        found.cluster.failures["write", ref("a")] = ObjectError(ref("a"), "delete", "Forbidden", "protected")
        found.agent.adopt({}, {})
        await until(lambda: bool(found.status().conditions))
        found.cluster.failures.clear()
        found.world.restart()
        later = Agent(found.world.reconciler, workers=1, ordered=dict(await found.world.history.standing()))
        assert later.adopt({}, {}) == ()
        (status,) = later.statuses()
        assert status.app.spec == found.world.app.spec
        working = asyncio.create_task(later.run())
        await until(lambda: later.adopt({}, {}) == (found.world.app.key,))
        assert found.world.names() == set()
        working.cancel()
        await asyncio.wait({working})


async def test_a_new_name_is_a_rename() -> None:
    """In one change of the configuration the old application goes and the new one comes: it has the objects."""
    async with room() as found:
        found.push("c1", manifest(name="a"))
        await until(lambda: found.status().settled and found.status().revision == "c1")
        uid = found.cluster.objects[ref("a")]["metadata"]["uid"]
        store = replace(found.world.app, key=AppKey("argocd", "store"))
        assert found.agent.adopt({store.key: store}, {}) == (found.world.app.key,)
        assert found.world.app.key in found.agent.left
        await until(lambda: found.status("store").settled)
        assert found.cluster.objects[ref("a")]["metadata"]["uid"] == uid
        found.agent.adopt({store.key: store}, {found.world.app.key: "is broken"})
        assert found.world.app.key not in found.agent.left


def test_who_left_while_gitopsd_was_not_running() -> None:
    """Known to the history, and not among those that there are: which shows once all have come, and ends when one comes back."""
    here, away, back = (AppKey("argocd", name) for name in ("here", "away", "back"))
    left = Left({here, away, back})
    left.scanned((), {here}, whole=False)
    assert away not in left
    left.scanned((), {here}, whole=True)
    assert [key in left for key in (here, away, back)] == [False, True, True]
    left.scanned({here}, {back}, whole=True)
    assert [key in left for key in (here, away, back)] == [True, True, False]
    assert AppKey("argocd", "stranger") not in left
