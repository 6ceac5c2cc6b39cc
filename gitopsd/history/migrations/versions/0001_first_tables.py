"""The first tables: records, their results, drifts, flags.

Written out rather than taken from `tables.py`, which moves on: a migration says what was true at its time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        *_texts("namespace name phase"),
        sa.Column("attempted", sa.Boolean, nullable=False),
        *_texts("trigger actor request"),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("arrived", sa.BigInteger),
        *_texts("revision commits message desired_digest plan_digest sync health health_message stages conditions warnings"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_records_namespace_name_id", "records", ["namespace", "name", "id"])
    op.create_index("ix_records_finished", "records", ["finished"])
    op.create_table(
        "results",
        sa.Column("record_id", NUMBER, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        *_texts("object action status message uid changes"),
    )
    op.create_table(
        "drifts",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        *_texts("namespace name object change outcome"),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_drifts_namespace_name_id", "drifts", ["namespace", "name", "id"])
    op.create_index("ix_drifts_until", "drifts", ["until"])
    keys = (sa.Column(name, sa.Text, primary_key=True) for name in ("namespace", "name", "key"))
    op.create_table("flags", *keys, *_texts("value"))


def _texts(names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names.split()]


def downgrade() -> None:
    for table in ("flags", "drifts", "results", "records"):
        op.drop_table(table)
