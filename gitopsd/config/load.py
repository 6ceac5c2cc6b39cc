"""Reading the configuration file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from gitopsd.config.documents import ConfigErrors, Document, read_documents
from gitopsd.config.environment import with_environment
from gitopsd.config.model import Config
from gitopsd.config.rules import contradictions, mapping
from gitopsd.config.validate import in_order, validate
from gitopsd.model.errors import ConfigError, Place

MAX_FILE_BYTES = 4 << 20


@cache
def _adapter() -> TypeAdapter[Config]:
    return TypeAdapter(Config)


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the configuration file, for editors: `gitopsd config schema`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_adapter().json_schema(mode="validation")}


def load_config(path: str | Path, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration in the file at `path`, with values of the environment in place of its own.

    Raises ConfigError where the file can't be read or is no YAML, ConfigErrors with everything else that is wrong with it.
    """
    document = _only_document(read_file(Path(path)), str(path))
    document = with_environment(document, os.environ if environment is None else environment, _adapter().json_schema())
    errors = [document.error(at, message) for at, message in contradictions(mapping(document.value))]
    try:
        config = validate(_adapter(), document, (), {"folder": Path(path).absolute().parent})
    except ConfigErrors as invalid:
        raise ConfigErrors(in_order((*invalid.errors, *errors))) from None
    if errors:
        raise ConfigErrors(in_order(errors))
    return config


def read_file(path: Path) -> bytes:
    """The content of a file of documents, which must not be large; raises ConfigError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", Place(str(path))) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"is larger than {MAX_FILE_BYTES} bytes", Place(str(path)))
    return content


def _only_document(text: bytes, file: str) -> Document:
    documents = read_documents(text, file)
    if not documents:
        raise ConfigError("is empty: it needs at least apiVersion and kind", Place(file))
    if len(documents) > 1:
        raise documents[1].error((), "is a second document: the configuration is one")
    return documents[0]
