"""The images of a set of manifests."""

from __future__ import annotations

from gitopsd.plan.images import images
from tests.plan.builders import manifest


def test_each_image_is_named_once_wherever_its_pod_stands() -> None:
    """Workloads, CronJobs and Pods, initial containers too; whatever else a manifest holds is none."""
    pod = {"initContainers": [{"image": "init:1"}], "containers": [{"image": "web:1"}, {"name": "without"}, "odd"]}
    template = {"template": {"spec": pod}}
    found = images(
        [
            manifest("Deployment", spec=template),
            manifest("CronJob", spec={"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"image": "job:1"}]}}}}}),
            manifest("Pod", spec={"containers": [{"image": "pod:1"}]}),
            manifest("Rollout", spec=template),
            manifest("ConfigMap", spec=None),
            manifest("Odd", spec={"containers": {"image": "none"}}),
        ]
    )
    assert found == ("init:1", "job:1", "pod:1", "web:1")
