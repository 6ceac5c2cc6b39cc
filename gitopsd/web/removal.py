"""Taking an application away, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from gitopsd.model.deletion import Deletion, asked_by
from gitopsd.web.asking import Actor, Named, Within
from gitopsd.web.documents import Application
from gitopsd.web.problems import problems


def add(router: APIRouter) -> None:
    """Adds the route of an application."""
    responses = problems(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
    router.delete("", summary="Take it away", status_code=202, responses=responses)(delete_application)


async def delete_application(
    control: Within,
    status: Named,
    actor: Actor,
    cascade: Annotated[bool | None, Query(description="Delete its objects too. Without it, as its finalizer says.")] = None,
) -> Application:
    """What it leaves behind is nobody's then. An application that still has a document stays deleted until that is gone."""
    asked = asked_by(status.app.finalizers) or Deletion(cascade=False)
    deletion = replace(asked, cascade=asked.cascade if cascade is None else cascade, by=actor)
    control.agent.delete(status.app.key, deletion)
    return Application.of(control.agent.find(str(status.app.key)))
