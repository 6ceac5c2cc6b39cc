"""What can't be changed in place: whether it may be deleted and made anew, and how that is allowed.

Kinds that lose data take along more than comes back: only the object itself can allow it, no application and no `--force`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Action, Desired, Refusal, Step
from gitopsd.plan.annotations import OWN
from gitopsd.plan.pruning import LOSES_DATA

_FIELD = re.compile(r"(?:^|\[|[:,] )([a-zA-Z][\w.\[\]]*): (?:Invalid value|Forbidden)")
_SHOWN = 300


def allowing(desired: Desired) -> Desired:
    """The desired object of a sync with `--force`."""
    if desired.ref.group_kind in LOSES_DATA:
        return desired
    return replace(desired, handling=replace(desired.handling, recreate=True))


def recreated(step: Step, why: str) -> Step:
    """The step as one that deletes the object and makes it anew."""
    return replace(step, action=Action.RECREATE, reason=f"is made anew: {why}", body=None)


def recreate_or_refuse(step: Step, message: str) -> Step | Refusal:
    """What becomes of an update that the server won't do in place; `message` is what it says."""
    if step.desired is None or not step.desired.handling.recreate:
        how = f'annotate it with {OWN}recreate: "true"' + ("" if step.ref.group_kind in LOSES_DATA else ", or sync with --force")
        return Refusal(step.ref, "Immutable", f"{_short(message)}; to have it deleted and made anew, {how}")
    fields = ", ".join(dict.fromkeys(_FIELD.findall(message)))
    return recreated(step, f"{fields} can't be changed in place" if fields else _short(message))


def recreates_always(step: Step) -> bool:
    """Whether any difference is a reason: Replace with Force, as `kubectl replace --force` does."""
    asked = step.desired.handling if step.desired else None
    return step.action is Action.CONFIGURE and asked is not None and asked.replace and asked.force and asked.recreate


def may_go_untried(step: Step, error: ObjectError) -> bool:
    """Whether a kind that is not served yet is no reason to stop: SkipDryRunOnMissingResource says that something installs it."""
    return error.reason == "NotServed" and step.desired is not None and step.desired.handling.untried


def _short(message: str) -> str:
    """The first line, without the dump of the object that some kinds append."""
    line = message.partition("\n")[0]
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
