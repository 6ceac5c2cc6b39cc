"""Receipts: what is kept of the server's word that an object is in sync (design section 6). Digests, never content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What has to stay as it is for an object to stay in sync.

    `fields` is the digest of the fields that we hold, `values` that of the live values of these fields. Where the content is
    not watched, the resourceVersion stands in for the values.
    """

    uid: str
    fields: str
    values: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the server's answer said when the object was in sync (see `gitopsd.diff.judge`).

    `desired` is the digest of what was wanted, `epoch` that of what decides how the server treats the object. `expires` is in
    seconds since 1970, so that it outlives the process. `warnings` are what there was to say, without values of Secrets: they
    hold as long as the receipt does.
    """

    desired: str
    fingerprint: Fingerprint
    epoch: str
    expires: float
    warnings: tuple[str, ...] = ()
