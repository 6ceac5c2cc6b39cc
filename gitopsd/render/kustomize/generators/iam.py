"""`IAMPolicyGenerator`: a service account bound to one of Google Cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitopsd.model.errors import RenderError

if TYPE_CHECKING:
    from gitopsd.model.refs import Object


class NamedAccount(NamedTuple):
    """An account of the cluster (with its namespace) or of the cloud (with its project)."""

    name: str = ""
    namespace: str = ""
    project_id: str = ""


class IamPolicy(NamedTuple):
    """The configuration; `gke` is the only cloud that kustomize knows."""

    cloud: str = ""
    kubernetes_service: NamedAccount = NamedAccount()
    service_account: NamedAccount = NamedAccount()


def make_service_account(policy: IamPolicy) -> Object:
    """The ServiceAccount with the annotation that GKE's workload identity reads. Raises RenderError for another cloud."""
    if policy.cloud != "gke":
        raise RenderError(f"cloud provider {policy.cloud} not supported yet")
    account = f"{policy.service_account.name}@{policy.service_account.project_id}.iam.gserviceaccount.com"
    metadata: Object = {"annotations": {"iam.gke.io/gcp-service-account": account}, "name": policy.kubernetes_service.name}
    if policy.kubernetes_service.namespace:
        metadata["namespace"] = policy.kubernetes_service.namespace
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
