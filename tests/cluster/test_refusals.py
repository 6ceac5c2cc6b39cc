"""What the API server refuses in its dry run stops the whole set, before the first write, in the server's own words.

What can't be changed in place and conflicts of managers are in `test_ownership.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gitopsd.apply import apply
from gitopsd.cluster import Clusters
from gitopsd.diff.mask import keyed_mask
from gitopsd.model.record import Phase
from gitopsd.model.refs import Object
from gitopsd.preflight import Preflight
from gitopsd.waiting import Course
from localcluster import LocalCluster
from tests.cluster.planning import planned
from tests.cluster.world import IDENTITY, application, config_map, deployment, service

ADMISSION = "/apis/admissionregistration.k8s.io/v1"


def policy(cluster: LocalCluster, namespace: str) -> Object:
    """A policy that forbids Services of type NodePort; gives one that it forbids."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["services"]}
    own = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    forbids = {"expression": "object.spec.type != 'NodePort'", "message": "node ports are the platform team's"}
    name = {"metadata": {"name": namespace}}
    spec = {"matchConstraints": {"resourceRules": [rule]} | own, "validations": [forbids]}
    cluster.api.create(f"{ADMISSION}/validatingadmissionpolicies", name | {"spec": spec})
    binding = {"spec": {"policyName": namespace, "validationActions": ["Deny"]}}
    cluster.api.create(f"{ADMISSION}/validatingadmissionpolicybindings", name | binding)
    forbidden = service(namespace)
    return forbidden | {"spec": forbidden["spec"] | {"type": "NodePort"}}


def quota(cluster: LocalCluster, namespace: str) -> Object:
    """A quota of no Service at all; gives one."""
    spec = {"hard": {"services": "0"}}
    cluster.api.create(f"/api/v1/namespaces/{namespace}/resourcequotas", {"metadata": {"name": "none"}, "spec": spec})
    return service(namespace)


def validation(_: LocalCluster, namespace: str) -> Object:
    """A Deployment whose selector selects something else than its pods."""
    wrong = deployment(namespace)
    return wrong | {"spec": wrong["spec"] | {"selector": {"matchLabels": {"app": "another"}}}}


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (policy, "Service/{0}/api: Invalid: .*node ports are the platform team's"),
        (quota, "Service/{0}/api: QuotaExceeded: .*exceeded quota: none"),
        (validation, "Deployment/{0}/api: Invalid: .*`selector` does not match template `labels`"),
    ],
    ids=["admission", "quota", "validation"],
)
async def test_a_refusal_stops_all_of_it(
    prepare: Callable[[LocalCluster, str], Object], said: str, cluster: LocalCluster, port: Clusters, namespace: str
) -> None:
    """Each refused object is named with the server's reason; what would have been accepted is not written either."""
    app, refused = application(namespace), prepare(cluster, namespace)
    plan = await planned(port, app, config_map(namespace, "fine"), refused)
    while (
        not plan.refusals
    ):  # the server takes a moment to heed a new policy or quota; the test's own timeout ends a wait in vain
        plan = await planned(port, app, config_map(namespace, "fine"), refused)
    (refusal,) = plan.refusals
    outcome = await apply(app, plan, Preflight(port, IDENTITY.installation, IDENTITY.manager, keyed_mask(b"key")), Course())
    assert outcome.phase is Phase.FAILED
    assert outcome.message.startswith(f"nothing was written: {refusal}")
    assert re.search(said.format(namespace), str(refusal)), str(refusal)
    names = {entry["metadata"]["name"] for entry in cluster.api.get(f"/api/v1/namespaces/{namespace}/configmaps")["items"]}
    assert "fine" not in names
