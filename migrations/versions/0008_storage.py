"""Room on the pages of the inbox, cleaning by counted rows, and no index entries that say NULL."""

from alembic import op

from migrations.columns import index

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
SPARSE = {
    "idx_posts_instagram": ("instagram_account_id", "created_at DESC"),
    "idx_posts_media": ("media_id",),
    "idx_posts_retry_of": ("retry_of",),
}
"""Most posts have none of these: each entry of NULL was written for nobody, three to a post."""


def upgrade() -> None:
    for table, values in NEW.items():
        lay_out(table, values)
    for name, columns in SPARSE.items():
        op.drop_index(name, "posts")
        index(name, "posts", *columns, where=f"{columns[0]} IS NOT NULL")


def downgrade() -> None:
    for name, columns in SPARSE.items():
        op.drop_index(name, "posts")
        index(name, "posts", *columns)
    for table, values in NEW.items():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(values)})")
        if table in BEFORE:
            lay_out(table, BEFORE[table])


def lay_out(table: str, values: dict[str, str]) -> None:
    said = ", ".join(f"{name} = {value}" for name, value in values.items())
    op.execute(f"ALTER TABLE {table} SET ({said})")
