"""What a source is rendered with, besides its own files and options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitopsd.model.tree import Tree
from gitopsd.render.needs import Answers

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Given:
    """`variables` are Argo CD's build environment (`ARGOCD_APP_NAME`), `refs` the trees of sources by their `ref`."""

    variables: Mapping[str, str] = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    refs: Mapping[str, Tree] = field(default_factory=dict)

    def expanded(self, text: str) -> str:
        """The text with the variables that it names; a name that is none of them stays as it is."""

        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            return self.variables[name] if name in self.variables else match[0]

        return _VARIABLE.sub(value, text)
