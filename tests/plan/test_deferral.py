"""Which failed dry runs may wait, and for what."""

from __future__ import annotations

import pytest

from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Action, Step
from gitopsd.model.refs import Object
from gitopsd.plan.deferral import lacking
from tests.plan.builders import manifest, wanted

RBAC = "rbac.authorization.k8s.io/v1"
NAMESPACE = manifest("Namespace", "web")
ACCOUNT = manifest("ServiceAccount", "app", namespace="web")
ROLE = manifest("Role", "reader", api=RBAC, namespace="web")
BINDING = manifest("RoleBinding", "reads", api=RBAC, namespace="web", roleRef={"kind": "Role", "name": "reader"})
SETTINGS = manifest(namespace="web")
DEFINITION = manifest(
    "CustomResourceDefinition",
    "widgets.example.com",
    api="apiextensions.k8s.io/v1",
    spec={"group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget"}},
)
WIDGET = manifest("Widget", "w", api="example.com/v1", namespace="web")


def _step(given: Object) -> Step:
    given = {
        **given,
        "metadata": {**given["metadata"], "annotations": {"argocd.argoproj.io/sync-options": "SkipDryRunOnMissingResource=true"}},
    }
    (desired,) = wanted(given).objects
    return Step(desired.ref, Action.CREATE, "", desired)


def _lacks(given: Object, reason: str, message: str, *created: Object) -> str:
    step = _step(given)
    return str(lacking(step, ObjectError(step.ref, "dry-run", reason, message), [step, *map(_step, created)]))


@pytest.mark.parametrize(
    ("given", "reason", "message", "created", "provider"),
    [
        (SETTINGS, "NotFound", 'namespaces "web" not found', (NAMESPACE,), "Namespace/web"),
        (SETTINGS, "NotFound", 'namespaces "web" not found', (), "None"),
        (SETTINGS, "Forbidden", "denied", (NAMESPACE,), "None"),
        (BINDING, "NotFound", 'rolebindings.rbac.authorization.k8s.io "reads" not found', (ROLE,), "Role/web/reader"),
        (BINDING, "NotFound", 'namespaces "web" not found', (NAMESPACE, ROLE), "Namespace/web"),
        (
            manifest("Pod", "p", namespace="web"),
            "Forbidden",
            'error looking up service account web/app: serviceaccount "app" not found',
            (ACCOUNT,),
            "ServiceAccount/web/app",
        ),
        (
            manifest("Pod", "p", namespace="web"),
            "Forbidden",
            'no PriorityClass with name high was found: priorityclasses.scheduling.k8s.io "high" not found',
            (manifest("PriorityClass", "high", api="scheduling.k8s.io/v1"),),
            "PriorityClass/web/high",
        ),
    ],
)
def test_a_failure_waits_only_for_what_the_plan_creates(
    given: Object, reason: str, message: str, created: tuple[Object, ...], provider: str
) -> None:
    """By the server's own words: what they name must be created by another step, else the failure stands."""
    assert _lacks(given, reason, message, *created) == provider


def test_a_kind_waits_for_its_definition() -> None:
    """It can't even be asked about before the server serves it."""
    step, definition = _step(WIDGET), _step(DEFINITION)
    assert lacking(step, None, [step, definition]) == definition.ref
    assert lacking(step, None, [step]) is None
