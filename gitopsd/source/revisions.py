"""What a target revision means: which commit a name, an id or a range of versions leads to."""

from __future__ import annotations

import difflib
import re

from gitopsd.formats.semver import best, parse_range
from gitopsd.model.errors import SourceError
from gitopsd.source.objects import Objects
from gitopsd.source.remote import HEADS, TAGS, Refs

_ID = re.compile(r"[0-9a-f]{40}")
_SHORT_ID = re.compile(r"[0-9a-f]{4,39}")


def is_id(revision: str) -> bool:
    """Whether `revision` is a commit's whole id."""
    return _ID.fullmatch(revision.lower()) is not None


def is_asked_for(revision: str) -> bool:
    """Whether `revision` is one that a mirror holds only when asked for it: an id, or a reference besides branches and tags."""
    return is_id(revision) or (revision.startswith("refs/") and not revision.startswith((HEADS, TAGS)))


def resolve(revision: str, refs: Refs, objects: Objects) -> str | None:
    """The id of the object that `revision` names, None where it names none.

    In order: HEAD (or nothing), a full reference name, a branch or tag, an id or its beginning, a range of versions (the newest
    tag in it). Raises SourceError where it names two things.
    """
    if revision in ("", "HEAD"):
        return refs.ids.get(refs.head) or (refs.head if is_id(refs.head) else None)
    if revision.startswith("refs/"):
        return refs.ids.get(revision)
    if is_id(revision):
        return revision.lower()
    return _named(revision, refs, objects) or _abbreviated(revision, objects) or _newest(revision, refs)


def _named(revision: str, refs: Refs, objects: Objects) -> str | None:
    found = [oid for prefix in (HEADS, TAGS) if (oid := refs.ids.get(prefix + revision))]
    if len(found) > 1 and len({commit[0].id if (commit := objects.commit(oid)) else oid for oid in found}) > 1:
        raise SourceError(
            f"revision {revision!r} is a branch and a tag, of different commits: write {HEADS}{revision} or {TAGS}{revision}",
            objects.repository,
            retryable=False,
        )
    return found[0] if found else None


def _abbreviated(revision: str, objects: Objects) -> str | None:
    if not _SHORT_ID.fullmatch(revision.lower()):
        return None
    try:
        return objects.expand(revision.lower())
    except ValueError:
        raise SourceError(
            f"revision {revision!r} is the beginning of several ids: write more of it", objects.repository
        ) from None


def _newest(revision: str, refs: Refs) -> str | None:
    wanted = parse_range(revision)
    if wanted is None:
        return None
    tag = best(wanted, (name.removeprefix(TAGS) for name in refs.ids if name.startswith(TAGS)))
    return refs.ids[f"{TAGS}{tag}"] if tag else None


def missing(revision: str, refs: Refs, repository: str) -> SourceError:
    """The error for a revision that is not there; it names those that are spelled alike."""
    if not refs.ids:
        return SourceError("the repository is empty: it has no branch and no tag", repository)
    if revision in ("", "HEAD"):
        return SourceError("the repository's HEAD leads nowhere: name a branch as targetRevision", repository)
    names = [name.removeprefix(HEADS).removeprefix(TAGS) for name in refs.ids]
    close = difflib.get_close_matches(revision, names[:10_000], n=3)
    hint = f"; did you mean {', '.join(close)}?" if close else ""
    return SourceError(f"has no revision {revision!r} (neither branch, tag, commit nor range of versions){hint}", repository)
