"""What `gitopsd render` does: a folder, on disk or of a commit, through the engine."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.formats.yamlwrite import dump
from gitopsd.model.errors import ConfigError, Place, RenderError
from gitopsd.model.refs import Object
from gitopsd.model.tree import Tree
from gitopsd.render.cache import ParseCache
from gitopsd.render.kustomize.build import build
from gitopsd.render.kustomize.loading import FILE_NAMES
from gitopsd.render.kustomize.settings import BuildSettings, LoadRestrictor, Reorder
from gitopsd.render.needs import Answers, Needs
from gitopsd.source.folder import FolderTree

if TYPE_CHECKING:
    from gitopsd.helm import Helm
    from gitopsd.render.provenance.trace import Trace

_NO_ANSWERS: Answers = {}


class Asked(NamedTuple):
    """A render as it was asked for, in kustomize's words. Without `repo` it reads the disk."""

    path: str
    repo: str = ""
    revision: str = "HEAD"
    load_restrictor: str = LoadRestrictor.ROOT_ONLY.value
    reorder: str = Reorder.LEGACY.value
    enable_helm: bool = False
    trace: Trace | None = None

    @property
    def helm(self) -> Helm | None:
        """What inflates charts, None where that was not allowed."""
        if not self.enable_helm:
            return None
        from gitopsd.helm import Helm  # noqa: PLC0415 - only where charts are asked for

        return Helm()

    def of(self, tree: Tree, path: str, answers: Answers = _NO_ANSWERS) -> list[Object]:
        """The objects of the folder `path` of `tree`. Raises Needs for what `answers` lacks, RenderError otherwise."""
        settings = BuildSettings(
            LoadRestrictor(self.load_restrictor),
            Reorder(self.reorder),
            cache=ParseCache(),
            enable_helm=self.enable_helm,
            trace=self.trace,
        )
        if not self.enable_helm and any(tree.entry(f"{path}/{name}") for name in FILE_NAMES):  # as nearly always
            return build(tree, path, settings, answers)
        # What Applications can say of a source takes longer to load than a small folder takes to render.
        from gitopsd.helm import with_charts  # noqa: PLC0415
        from gitopsd.model.app import Source  # noqa: PLC0415
        from gitopsd.render.application import render_source  # noqa: PLC0415
        from gitopsd.render.given import Given  # noqa: PLC0415

        source = Source(self.repo, path)
        return with_charts(lambda more: render_source(tree, source, settings, Given(answers=more)), answers, self.helm)


def rendered(asked: Asked) -> list[Object]:
    """The objects, in order. Raises RenderError, ConfigError where there is no such folder, SourceError for repositories."""
    if asked.repo:
        from gitopsd.cli.fetching import render_commit  # noqa: PLC0415 - libgit2 only where a repository is asked for

        return render_commit(asked)
    try:
        return _of_disk(asked)
    except RenderError as error:
        raise _seen_from(os.getcwd(), error) from error  # noqa: PTH109 - a text is wanted


def _of_disk(asked: Asked) -> list[Object]:
    """The tree begins at `/`, as the bases of a kustomization may stand anywhere above it."""
    folder = os.path.realpath(asked.path)
    if not os.path.isdir(folder):  # noqa: PTH112 - likewise
        raise ConfigError(f"{asked.path} is no folder; name one that has a kustomization.yaml, or plain manifests")
    tree, path = FolderTree("/"), folder.strip("/")
    try:
        return asked.of(tree, path)
    except Needs:
        from gitopsd.cli.fetching import render_with_bases  # noqa: PLC0415 - see above

        return render_with_bases(asked, tree, path)


def _seen_from(here: str, error: RenderError) -> RenderError:
    """The error as it looks from `here`."""
    below = here.rstrip("/") + "/"
    return RenderError(error.message.replace(f"'{below[1:]}", "'"), error.place and place_from(here, error.place))


def place_from(here: str, place: Place) -> Place:
    """A place on the disk with its path relative to `here` if it is below, else absolute; one of a remote base keeps its URL."""
    below = here.rstrip("/") + "/"
    return place if "://" in place.file else place._replace(file=f"/{place.file}".removeprefix(below))


def printed(objects: list[Object], form: str) -> str:
    """The objects as YAML documents, as kustomize writes them, or as one List in JSON, which kubectl reads too."""
    if form == "json":
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"
    return dump(objects)
