"""The two kinds of patches, as pure functions on one object.

`strategic_merge(target, patch, schema)` and `json6902(target, operations)` share what they leave unchanged with their inputs
and mutate neither. `Schema` says which lists merge by which keys.
"""

from gitopsd.render.kustomize.patches.operations import as_floats, json6902
from gitopsd.render.kustomize.patches.schema import Schema
from gitopsd.render.kustomize.patches.strategic import strategic_merge

__all__ = ["Schema", "as_floats", "json6902", "strategic_merge"]
