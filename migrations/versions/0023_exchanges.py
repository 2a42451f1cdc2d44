"""Requests to platforms and their answers, for the page of a post."""

from alembic import op

from migrations.columns import (
    CLOCK_TIMESTAMP,
    bigint_column,
    create_index,
    created_at,
    foreign_key,
    id_column,
    json_column,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
)

revision = "0023"
down_revision = "0022"

STORAGE = (
    "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,"
    " autovacuum_analyze_scale_factor = 0.05"
)


def upgrade() -> None:
    op.create_table(
        "exchanges",
        id_column(),
        bigint_column("post_id"),
        bigint_column("attempt", comment="number of the job attempt that made the call"),
        text_column("endpoint"),
        text_column("method"),
        text_column("host"),
        text_column("path", comment="without the query"),
        bigint_column("status", nullable=True, comment="HTTP status; NULL: no answer"),
        text_column("error", nullable=True, comment="why there is no answer"),
        bigint_column("milliseconds", comment="of the latest repetition"),
        text_column("log_id", nullable=True, comment="the platform's log id of the call"),
        json_column(
            "request",
            comment="fields that may be stored; other values are replaced by their types",
        ),
        json_column("answer"),
        text_column("digest", comment="equal for repetitions with the same answer"),
        bigint_column("times", default="1", comment="how often it was repeated"),
        timestamp_column("last_at", default=CLOCK_TIMESTAMP),
        created_at(),
        primary_key("exchanges"),
        unique_constraint("exchanges", "post_id", "digest"),
        foreign_key("exchanges", "post_id", "posts", "CASCADE"),
        comment="Calls to platforms for a post, without secrets; kept for 30 days",
    )
    create_index("idx_exchanges_created", "exchanges", "created_at")
    op.execute(f"ALTER TABLE exchanges SET ({STORAGE})")


def downgrade() -> None:
    op.drop_table("exchanges")
