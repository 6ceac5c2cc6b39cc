"""What happens by the clock: the jobs are called here, the clock is not waited for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.timers import Polling, Timers
from gitopsd.model.app import App, AppKey, AppSpec, Source
from gitopsd.model.errors import SourceError
from gitopsd.model.record import Condition, TriggerKind
from tests.fakes_history import FakeClock
from tests.plan.builders import app
from tests.plan.test_confine import project
from tests.reconciling import GivenCommits, World
from tests.serving import named


@dataclass(slots=True)
class Polled(GivenCommits):
    """Git that says whether a repository moved, or fails."""

    moved: bool = False
    error: SourceError | None = None
    asked: list[tuple[str, bool]] = field(default_factory=list)
    bases: dict[AppKey, frozenset[str]] = field(default_factory=dict)

    def elsewhere(self, app: AppKey) -> frozenset[str]:
        return self.bases.get(app, frozenset())

    async def poll(self, repository: str, *, force: bool = False) -> bool:
        self.asked.append((repository, force))
        if self.error:
            raise self.error
        return self.moved


def using(repository: str, name: str) -> App:
    """An application that has its only source there."""
    one = named(app(), "argocd", name)
    spec = AppSpec(one.spec.destination, source=Source(repository, "path"))
    return replace(one, spec=spec)


@dataclass(slots=True)
class Clockwork:
    """Timers over an agent that nobody works for: what they trigger stays in its queue."""

    git: Polled = field(default_factory=Polled)
    scans: int = 0
    agent: Agent = field(init=False)
    timers: Timers = field(init=False)

    def __post_init__(self) -> None:
        self.agent = Agent(World(git=self.git).reconciler)
        self.timers = Timers(self.agent, self.git, Polling(60, 0.2), self._scan)

    async def _scan(self) -> None:
        self.scans += 1

    def adopt(self, *apps: App) -> None:
        """The configuration has these; their first look is not waited for."""
        self.agent.adopt({app.key: app for app in apps}, {})
        for one in apps:
            self.agent.queue.drop(one.key)

    def triggered(self) -> dict[str, TriggerKind]:
        """What waits in the queue."""
        return {key.name: trigger.kind for key, trigger in self.agent.queue._triggers.items()}

    def jobs(self) -> set[str]:
        """The names of the scheduler's jobs."""
        return {job.id for job in self.timers._scheduler.get_jobs()}


async def test_exactly_the_repositories_in_use_are_polled() -> None:
    """Each once, however many applications use it; one that nobody uses any more is left alone."""
    clockwork = Clockwork()
    clockwork.adopt(using("a", "one"), using("a", "two"), using("b", "three"))
    clockwork.timers.start()
    assert clockwork.jobs() == {"scan", "rest", "look again", "orphans", "windows", "poll a", "poll b"}
    clockwork.adopt(using("c", "one"))
    await clockwork.timers._scanned()
    assert clockwork.jobs() == {"scan", "rest", "look again", "orphans", "windows", "poll c"}
    assert clockwork.scans == 1
    clockwork.timers.stop()


async def test_the_interval_has_jitter() -> None:
    """So that many repositories are not asked for at once, for ever."""
    clockwork = Clockwork()
    clockwork.adopt(using("a", "one"))
    clockwork.timers.start()
    (job,) = (job for job in clockwork.timers._scheduler.get_jobs() if job.id == "poll a")
    assert (job.trigger.interval.total_seconds(), job.trigger.jitter, job.max_instances) == (60, 12, 1)
    clockwork.timers.stop()


async def test_news_has_the_applications_looked_at() -> None:
    """Those that use the repository; without news nobody is."""
    clockwork = Clockwork()
    clockwork.adopt(using("a", "one"), using("a", "two"), using("b", "three"))
    await clockwork.timers.poll("a")
    assert clockwork.triggered() == {}
    clockwork.git.moved = True
    await clockwork.timers.poll("a")
    assert clockwork.triggered() == {"one": TriggerKind.POLL, "two": TriggerKind.POLL}


async def test_a_repository_that_can_not_be_reached_is_a_condition() -> None:
    """Its applications are left as they are; when it is back they are looked at, and the condition goes."""
    clockwork = Clockwork()
    clockwork.adopt(using("a", "one"), using("b", "two"))
    clockwork.git.error = SourceError("connection refused", "a")
    await clockwork.timers.poll("a")
    await clockwork.timers.poll("a")
    assert clockwork.agent.find("one").problems == {"repository a": Condition("ComparisonError", "a: connection refused")}
    assert clockwork.agent.find("two").problems == {}
    assert clockwork.triggered() == {}
    clockwork.git.error = None
    await clockwork.timers.poll("a")
    assert clockwork.agent.find("one").problems == {}
    assert clockwork.triggered() == {"one": TriggerKind.POLL}


async def test_what_a_render_needs_from_elsewhere_is_polled_too() -> None:
    """A remote base that moved has the applications looked at that are built on it; each repository fares by itself."""
    clockwork = Clockwork()
    clockwork.adopt(using("a", "one"), using("b", "two"))
    clockwork.git.bases = {AppKey("argocd", "one"): frozenset({"bases"})}
    clockwork.timers.start()
    assert {"poll a", "poll b", "poll bases"} <= clockwork.jobs()
    clockwork.git.error = SourceError("connection refused", "bases")
    await clockwork.timers.poll("bases")
    clockwork.git.error, clockwork.git.moved = None, True
    await clockwork.timers.poll("a")
    assert clockwork.agent.find("one").problems == {"repository bases": Condition("ComparisonError", "bases: connection refused")}
    clockwork.agent.queue.drop(AppKey("argocd", "one"))
    await clockwork.timers.poll("bases")
    assert clockwork.triggered() == {"one": TriggerKind.POLL}
    clockwork.git.error = SourceError("connection refused", "bases")
    await clockwork.timers.poll("bases")
    clockwork.git.bases = {}
    await clockwork.timers._scanned()
    assert clockwork.agent.find("one").problems == {}
    assert "poll bases" not in clockwork.jobs()
    clockwork.timers.stop()


async def test_a_refresh_asks_at_once_and_looks_in_any_case() -> None:
    """Also where the repository is backing off, and where it has no news."""
    clockwork = Clockwork()
    clockwork.adopt(using("a", "one"))
    await clockwork.timers.refresh(using("a", "one").key)
    assert clockwork.git.asked == [("a", True)]
    assert clockwork.triggered() == {"one": TriggerKind.POLL}


async def test_everything_is_looked_at_once_in_a_while() -> None:
    """Although nothing is known to have changed."""
    clockwork = Clockwork()
    clockwork.adopt(using("a", "one"), using("b", "two"))
    await clockwork.timers._look_again()
    assert set(clockwork.triggered()) == {"one", "two"}


async def test_timers_that_never_started_can_be_stopped() -> None:
    """The end comes before the start where a port is taken."""
    Clockwork().timers.stop()


async def test_windows_that_turn() -> None:
    """When a window opens or closes, the applications that it concerns are looked at, and no others."""
    clockwork = Clockwork()
    clock = clockwork.agent.reconciler.ports.clock
    assert isinstance(clock, FakeClock)
    night = {"kind": "deny", "schedule": "0 22 * * *", "duration": "8h", "applications": ["one"]}
    given = project(syncWindows=[night])
    clockwork.adopt(*(replace(using("repo", name), project=given) for name in ("one", "two")))
    turned = []
    for hour in (12, 21, 22, 23):
        clock.time = datetime(2026, 3, 2, hour, 1, tzinfo=UTC)
        await clockwork.timers.turn()
        turned.append(clockwork.triggered())
        clockwork.agent.queue.drop(AppKey("argocd", "one"))
    assert turned == [{}, {}, {"one": TriggerKind.WINDOW}, {}]


async def test_a_push_has_its_repository_polled_at_once() -> None:
    """By whatever URL of the repository an application has it and the push names it; others are left alone."""
    clockwork = Clockwork()
    clockwork.adopt(using("git@git.example.org:ops/Shop.git", "a"), using("https://git.example.org/ops/other", "b"))
    clockwork.timers.follow_repositories()
    assert (
        clockwork.timers.pushed(["https://git.example.org/ops/shop", "ssh://git@git.example.org:22/ops/shop.git", "?", ""]) == 1
    )
    assert clockwork.jobs() - {"scan", "rest", "look again", "windows"} >= {"push git@git.example.org:ops/Shop.git"}
    assert not any(job.startswith("push https") for job in clockwork.jobs())
    job = clockwork.timers._scheduler.get_job("push git@git.example.org:ops/Shop.git")
    await job.func(*job.args, **job.kwargs)
    assert clockwork.git.asked == [("git@git.example.org:ops/Shop.git", True)]
    assert clockwork.triggered() == {"a": TriggerKind.WEBHOOK}


async def test_a_push_to_nothing_that_is_used() -> None:
    """It is no news."""
    clockwork = Clockwork()
    clockwork.adopt(using("https://git.example.org/ops/shop", "a"))
    clockwork.timers.follow_repositories()
    assert clockwork.timers.pushed(["https://git.example.org/ops/another", "https://evil.example.org/ops/shop"]) == 0
    assert not any(job.startswith("push ") for job in clockwork.jobs())


async def test_a_hard_refresh_renders_anew() -> None:
    """What was kept of the application's renders is dropped first; a plain one keeps it."""
    clockwork, key = Clockwork(), using("a", "one").key
    clockwork.adopt(using("a", "one"))
    await clockwork.timers.refresh(key)
    assert clockwork.git.forgotten == []
    await clockwork.timers.refresh(key, hard=True)
    assert clockwork.git.forgotten == [key]
