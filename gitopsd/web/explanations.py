"""The documents of an explanation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from gitopsd.explainer import Explanation as Found
from gitopsd.web.documents import Document, ObjectDocument


class CommitOfLine(Document):
    """The commit that last wrote a line."""

    id: str
    author: str
    email: str
    time: datetime | None
    message: str


class PlaceOfField(Document):
    """Where something stands, from the root of its repository."""

    file: str = Field(examples=["overlays/prod/kustomization.yaml"])
    line: int | None
    column: int | None
    field: str | None
    commit: CommitOfLine | None
    """Null where the application has several sources, or the file is of a remote base."""


class StepOfField(Document):
    """Something that made or changed the field."""

    by: str = Field(examples=["PatchTransformer"])
    place: PlaceOfField | None
    """What it wrote; null for what is computed."""
    asked: PlaceOfField | None
    """The field of the kustomization that asked for it."""
    detail: str
    value: Any


class LiveField(Document):
    """The field in the cluster, and who holds it."""

    value: Any
    manager: str
    operation: str
    time: datetime | None
    ours: bool


class ExplainedField(Document):
    """One field. Without steps, nothing in Git asks for it."""

    field: str = Field(examples=["spec.template.spec.containers[name=app].image"])
    value: Any
    """What is desired."""
    origin: PlaceOfField | None
    steps: list[StepOfField]
    live: LiveField | None


class Explanation(Document):
    """Why the fields of a live object are as they are. Values of Secrets are hidden."""

    object: ObjectDocument
    repository: str
    revision: str
    fields: list[ExplainedField]

    @classmethod
    def of(cls, found: Found) -> Explanation:
        """The document of what was found."""
        fields = [ExplainedField.model_validate(field) for field in found.fields]
        return cls(object=ObjectDocument.of(found.ref), repository=found.repository, revision=found.revision, fields=fields)
