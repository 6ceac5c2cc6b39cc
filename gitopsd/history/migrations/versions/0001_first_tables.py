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


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "records",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("namespace", "name", "phase")),
        sa.Column("attempted", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("trigger", "actor", "request")),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("arrived", sa.BigInteger),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("revision", "commits", "message", "desired_digest", "plan_digest", "sync", "health", "health_message")
        ),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("stages", "conditions", "warnings")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_records_namespace_name_id", "records", ["namespace", "name", "id"])
    op.create_index("ix_records_finished", "records", ["finished"])
    op.create_table(
        "results",
        sa.Column("record_id", number, sa.ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("object", "action", "status", "message", "uid", "changes")),
    )
    op.create_table(
        "drifts",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("namespace", "name", "object", "change", "outcome")),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_drifts_namespace_name_id", "drifts", ["namespace", "name", "id"])
    op.create_index("ix_drifts_until", "drifts", ["until"])
    op.create_table(
        "flags",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("namespace", "name", "key")),
        sa.Column("value", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("flags", "drifts", "results", "records"):
        op.drop_table(table)
