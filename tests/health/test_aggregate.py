from __future__ import annotations

from gitopsd.health import aggregate
from gitopsd.model.health import Health, HealthStatus, worst
from gitopsd.model.refs import ObjectRef


def ref(name: str) -> ObjectRef:
    """A Deployment of that name."""
    return ObjectRef("apps", "Deployment", "shop", name)


def test_the_order_of_states() -> None:
    """From best to worst, in Argo CD's order; nothing at all is healthy."""
    names = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]
    assert [status.value for status in sorted(HealthStatus, key=lambda status: status.severity)] == names
    assert worst([HealthStatus.MISSING, HealthStatus.DEGRADED, HealthStatus.HEALTHY]) is HealthStatus.DEGRADED
    assert worst([]) is HealthStatus.HEALTHY


def test_an_application_is_as_healthy_as_its_worst_object() -> None:
    """The message names the first such object, says why, and how many more there are, whatever order they came in."""
    healths = {
        ref("c"): Health(HealthStatus.DEGRADED, "crash loop"),
        ref("b"): Health(HealthStatus.DEGRADED, "no image"),
        ref("a"): Health(HealthStatus.PROGRESSING, "1 of 2 replicas are updated"),
    }
    assert aggregate(healths) == Health(HealthStatus.DEGRADED, "Deployment/shop/b: no image (and 1 more)")
    assert aggregate(dict(reversed(healths.items()))) == aggregate(healths)


def test_an_object_without_words_is_named_all_the_same() -> None:
    """Where an object gives no reason, its state stands for one."""
    assert aggregate({ref("a"): Health(HealthStatus.UNKNOWN)}).message == "Deployment/shop/a: Unknown"


def test_an_application_without_objects_is_healthy() -> None:
    """Nothing to do is nothing wrong, as in Argo CD."""
    assert aggregate({}) == Health(HealthStatus.HEALTHY)
