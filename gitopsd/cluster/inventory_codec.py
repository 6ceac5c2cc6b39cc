"""The inventory as a ConfigMap: an ApplySet's parent (KEP-3659, kubectl's names), with the members in its data.

Whatever is not exactly as we wrote it is damage, never an empty inventory: an empty one would let objects be forgotten.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from functools import lru_cache
from sys import intern
from typing import Any

import orjson

from gitopsd.cluster.config import Identity
from gitopsd.cluster.entries import kept_ref
from gitopsd.model.app import AppKey
from gitopsd.model.errors import ObjectError
from gitopsd.model.marks import applyset_id, inventory_name
from gitopsd.model.plan import Inventory, Member
from gitopsd.model.refs import Object, ObjectRef

PREFIX = "applyset.kubernetes.io/"
ID_LABEL = f"{PREFIX}id"
TOOLING = f"{PREFIX}tooling"
GROUP_KINDS = f"{PREFIX}contains-group-kinds"
NAMESPACES = f"{PREFIX}additional-namespaces"
INSTALLATION = "gitopsd.dev/installation"
APPLICATION = "gitopsd.dev/application"
DIGEST = "gitopsd.dev/digest"
FENCE = "gitopsd.dev/fence"

PLAIN, PACKED = "members.json", "members.json.gz"
MAX_PLAIN = 900_000
"""Bytes of members beyond which they are packed, and beyond which packed ones no longer fit: a ConfigMap holds 1 MiB."""

_MAX_UNPACKED = 64 << 20


@lru_cache(maxsize=1 << 16)
def parent_ref(identity: Identity, app: AppKey) -> ObjectRef:
    """The ConfigMap of an application."""
    return ObjectRef("", "ConfigMap", identity.namespace, inventory_name(identity.installation, app))


def encode(identity: Identity, app: AppKey, inventory: Inventory, fence: str = "") -> Object:
    """The ConfigMap that holds `inventory`, and the `fence` of the replica that writes it, if it is one of several.

    Raises ObjectError where it does not fit.
    """
    ref = parent_ref(identity, app)
    members = sorted(inventory.members.values(), key=lambda member: member.ref)
    text = orjson.dumps([[m.api_version, m.ref.kind, m.ref.namespace, m.ref.name, m.uid] for m in members])
    content: dict[str, Any] = {"data": {PLAIN: text.decode()}}
    if len(text) > MAX_PLAIN:
        packed = base64.b64encode(_pack(text))
        if len(packed) > MAX_PLAIN:
            raise ObjectError(
                ref, "write inventory", "TooLarge", f"{len(members)} objects are too many for one application; split it"
            )
        content = {"binaryData": {PACKED: packed.decode()}}
    annotations = {
        TOOLING: identity.tooling,
        GROUP_KINDS: ",".join(sorted({str(member.ref.group_kind) for member in members})),
        NAMESPACES: ",".join(sorted({member.ref.namespace for member in members} - {"", identity.namespace})),
        INSTALLATION: identity.installation,
        APPLICATION: str(app),
        DIGEST: hashlib.sha256(text).hexdigest(),
    } | ({FENCE: fence} if fence else {})
    labels = {ID_LABEL: applyset_id(ref), "app.kubernetes.io/managed-by": "gitopsd"}
    metadata = {"name": ref.name, "namespace": ref.namespace, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **content}


def decode(identity: Identity, app: AppKey, obj: Object) -> Inventory:
    """The inventory in a ConfigMap. Raises ObjectError where it is not this application's, or is damaged."""
    ref = parent_ref(identity, app)
    metadata = obj.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    tool = str(annotations.get(TOOLING) or "")
    owner = (annotations.get(INSTALLATION), annotations.get(APPLICATION))
    if not tool.startswith("gitopsd/") or owner != (identity.installation, str(app)):
        whose = (
            f"the tool {tool!r}"
            if tool and not tool.startswith("gitopsd/")
            else f"installation {owner[0]!r}, application {owner[1]!r}"
        )
        raise ObjectError(ref, "read inventory", "OwnedByAnother", f"it belongs to {whose}; delete it, or rename the application")
    if (metadata.get("labels") or {}).get(ID_LABEL) != applyset_id(ref):
        raise _damaged(ref, f"its label {ID_LABEL} is not its own id")
    text = _text(ref, obj)
    if hashlib.sha256(text).hexdigest() != annotations.get(DIGEST):
        raise _damaged(ref, "its content is not what was written")
    try:
        return Inventory({member.ref: member for member in (_member(line) for line in orjson.loads(text))})
    except (ValueError, TypeError):
        raise _damaged(ref, "its content is not a list of members") from None


def _member(line: list[str]) -> Member:
    api_version, kind, namespace, name, uid = (str(part) for part in line)
    return Member(kept_ref(api_version, kind, namespace, name), intern(api_version), uid)


def _text(ref: ObjectRef, obj: Object) -> bytes:
    plain = (obj.get("data") or {}).get(PLAIN)
    if isinstance(plain, str):
        return plain.encode()
    packed = (obj.get("binaryData") or {}).get(PACKED)
    try:
        return _unpack(base64.b64decode(str(packed or ""), validate=True))
    except (binascii.Error, zlib.error):
        raise _damaged(ref, f"it has neither {PLAIN} nor {PACKED}") from None


def _pack(text: bytes) -> bytes:
    """As gzip does, without a time: the same members give the same bytes, and a person can unpack them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return packer.compress(text) + packer.flush()


def _unpack(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    text = unpacker.decompress(packed, _MAX_UNPACKED)
    if not unpacker.eof:
        raise zlib.error
    return text


def _damaged(ref: ObjectRef, what: str) -> ObjectError:
    how = "nothing is pruned until it is restored; deleting it begins anew, and leaves what is no longer in Git in place"
    return ObjectError(ref, "read inventory", "Damaged", f"{what}; {how}")
