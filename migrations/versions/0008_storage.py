"""Room on the pages of the inbox, cleaning by counted rows, and no index entries that say NULL.

Indexes are built while their table waits: seconds with millions of rows.
"""

from alembic import op

from migrations.columns import create_index

revision = "0008"
down_revision = "0007"

INBOX = {
    "fillfactor": "50",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_cost_limit": "1000",
}
GROWING = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
}
NEW = {
    "webhook_events": INBOX,
    **dict.fromkeys(("tiktok_posts", "post_events", "attempts", "calls"), GROWING),
}
BEFORE = {
    "webhook_events": {
        "fillfactor": "80",
        "autovacuum_vacuum_scale_factor": "0.02",
        "autovacuum_analyze_scale_factor": "0.05",
    }
}
GIVEN = "{} IS NOT NULL"
SPARSE = {
    # Most posts have none of these: each entry of NULL was written for nobody, three to a post.
    "idx_posts_instagram": ("posts", ("instagram_account_id", "created_at DESC"), "", GIVEN),
    "idx_posts_media": ("posts", ("media_id",), "", GIVEN),
    "idx_posts_retry_of": ("posts", ("retry_of",), "", GIVEN),
    # A claim that took one of these for the index of what is due sorted the whole backlog.
    "idx_webhook_events_processed": ("webhook_events", ("processed_at",), "", GIVEN),
    "idx_webhook_events_unapplied": (
        "webhook_events",
        ("provider", "account"),
        "processed_at IS NULL",
        "processed_at IS NULL AND publish_id IS NOT NULL",
    ),
}
"""Index → table, columns, which rows it held before, which ones from now on."""


def upgrade() -> None:
    for table, values in NEW.items():
        lay_out(table, values)
    for name, (table, columns, _, where) in SPARSE.items():
        again(name, table, columns, where)


def downgrade() -> None:
    for name, (table, columns, where, _) in SPARSE.items():
        again(name, table, columns, where)
    for table, values in NEW.items():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(values)})")
        if table in BEFORE:
            lay_out(table, BEFORE[table])


def again(name: str, table: str, columns: tuple[str, ...], where: str) -> None:
    op.drop_index(name, table)
    create_index(name, table, *columns, where=where.format(columns[0]))


def lay_out(table: str, values: dict[str, str]) -> None:
    said = ", ".join(f"{name} = {value}" for name, value in values.items())
    op.execute(f"ALTER TABLE {table} SET ({said})")
