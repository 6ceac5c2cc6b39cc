"""Who may take what over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitopsd.model.app import AppKey, resource_origin
from gitopsd.model.marks import Mark
from gitopsd.plan.ownership import adopt_policy, can_adopt
from tests.plan.builders import app, live, manifest, ref


@pytest.mark.parametrize(
    ("namespace", "tool", "taken"),
    [
        ("argocd", "web", True),
        ("argocd", "argocd/web", True),
        ("team", "team/web", True),
        ("team", "web", False),
        ("argocd", "other", False),
    ],
)
def test_what_argo_cd_tracks_as_the_application_was_handed_over_with_it(namespace: str, tool: str, *, taken: bool) -> None:
    """Only for an application that is a resource: of one in a file nobody knows what became of Argo CD's."""
    key = AppKey(namespace, "web")
    resource = replace(app(), key=key, origin=resource_origin(key))
    mine, found = Mark("test", key, ref("a")), live(ref("a"), mark=None, tool=f"Argo CD application {tool}")
    assert (can_adopt(found, mine, adopt_policy(resource, manifest(), ref("a"))) is None) == taken
    file = replace(resource, origin="apps/web.yaml:1")
    assert can_adopt(found, mine, adopt_policy(file, manifest(), ref("a"))) is not None
