"""The first comparison: what is known without asking the server."""

from __future__ import annotations

from collections.abc import Mapping

from gitopsd.model.plan import Compared, DesiredSet, Live, Verdict
from gitopsd.model.refs import ObjectRef


def compare(desired: DesiredSet, live: Mapping[ObjectRef, Live]) -> tuple[Compared, ...]:
    """Every desired object in its order, then every other live one by name.

    A desired object is SAME only where its receipt holds (design section 6); any other that exists is UNDECIDED, since only
    the server knows what it would make of it. One that is being deleted counts as there: it must be gone before it is applied to.
    """
    wanted = tuple(
        Compared(want.ref, _verdict(live.get(want.ref)), desired=want, live=live.get(want.ref)) for want in desired.objects
    )
    refs = {entry.ref for entry in wanted}
    extra = tuple(Compared(ref, Verdict.EXTRA, live=live[ref]) for ref in sorted(live.keys() - refs))
    return wanted + extra


def _verdict(live: Live | None) -> Verdict:
    if live is None:
        return Verdict.ABSENT
    return Verdict.SAME if live.in_sync and not live.deleting else Verdict.UNDECIDED
