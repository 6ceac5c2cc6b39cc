"""Values that live in files of their own: secrets, which may change while gitopsd runs, and paths next to the configuration.

A secret is read when it is used and never kept, so that a mounted Secret that rotates needs no restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from gitopsd.model.errors import ConfigError, Place

MAX_SECRET_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that holds one secret. Neither its text nor its repr shows more than the path."""

    path: Path

    def read(self) -> str:
        """The secret as it is now, without the newline at its end; raises ConfigError that names the file, never its content."""
        return self.read_bytes().decode("utf-8", "replace").rstrip("\r\n")

    def read_bytes(self) -> bytes:
        """The file's content as it is now: keys and certificates. Raises ConfigError."""
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_SECRET_BYTES + 1)
        except OSError as error:
            raise ConfigError(f"can't be read: {error.strerror}", Place(str(self.path))) from None
        if len(content) > MAX_SECRET_BYTES:
            raise ConfigError(f"is larger than {MAX_SECRET_BYTES} bytes: not a secret", Place(str(self.path)))
        if not content.strip():
            raise ConfigError("is empty, where a secret was expected", Place(str(self.path)))
        return content

    def __str__(self) -> str:
        """Its path."""
        return str(self.path)


def resolve(text: object, info: ValidationInfo) -> Path:
    """A path of the configuration: `~` is the home folder, a relative one counts from the configuration file's folder."""
    if isinstance(text, Path):
        return text
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError("must be a path")
    folder = (info.context or {}).get("folder", Path())
    return Path(folder) / Path(text).expanduser()


def _secret_file(value: object, info: ValidationInfo) -> SecretFile:
    if isinstance(value, SecretFile):
        return value
    if isinstance(value, str) and "\n" in value:
        raise ValueError("must be the path of a file, not the secret itself")
    return SecretFile(resolve(value, info))


ResolvedPath = Annotated[
    Path, PlainValidator(resolve), PlainSerializer(str), WithJsonSchema({"type": "string", "format": "path"})
]
"""A field that holds a path."""

Secret = Annotated[
    SecretFile, PlainValidator(_secret_file), PlainSerializer(str), WithJsonSchema({"type": "string", "format": "path"})
]
"""A field that names the file of a secret; its value is a `SecretFile`."""
