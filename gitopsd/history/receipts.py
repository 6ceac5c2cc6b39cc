"""Receipts as rows, one for each object that a judge found in sync."""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from gitopsd.history.rows import ref_value
from gitopsd.history.tables import receipts
from gitopsd.model.receipt import Fingerprint, Receipt
from gitopsd.model.refs import ObjectRef

_DELETE = delete(receipts).where(receipts.c.judge == bindparam("whose"), receipts.c.object == bindparam("which"))


def read_receipts(connection: Connection, judge: str, now: float) -> dict[ObjectRef, Receipt]:
    """Those of one judge. What has expired is deleted, whosever it is: a cluster or version that is no more deletes nothing."""
    connection.execute(delete(receipts).where(receipts.c.expires <= now))
    rows = connection.execute(select(receipts.c.object, receipts.c.receipt, receipts.c.expires).where(receipts.c.judge == judge))
    return {_ref(value): _receipt(receipt, expires) for value, receipt, expires in rows}


def write_receipts(connection: Connection, judge: str, changes: Mapping[ObjectRef, Receipt | None]) -> None:
    """Stores receipts in place of earlier ones, and deletes those of objects that have none any more."""
    if not changes:
        return
    connection.execute(_DELETE, [{"whose": judge, "which": ref_value(ref)} for ref in changes])
    rows = [_row(judge, ref, receipt) for ref, receipt in changes.items() if receipt]
    if rows:
        connection.execute(insert(receipts), rows)


def _row(judge: str, ref: ObjectRef, receipt: Receipt) -> dict[str, Any]:
    of = receipt.fingerprint
    value = [receipt.desired, of.uid, of.fields, of.values, receipt.epoch, *receipt.warnings]
    return {"judge": judge, "object": ref_value(ref), "receipt": value, "expires": int(receipt.expires)}


def _ref(value: list[str]) -> ObjectRef:
    """Of groups, kinds and namespaces there are few, so each is kept once."""
    group, kind, namespace, name = value
    return ObjectRef(intern(group), intern(kind), intern(namespace), name)


def _receipt(value: list[str], expires: int) -> Receipt:
    desired, uid, fields, values, epoch, *warnings = value
    return Receipt(desired, Fingerprint(uid, fields, values), intern(epoch), expires, tuple(warnings))
