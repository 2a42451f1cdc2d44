"""Numbers of accounts and videos: who is sampled, which videos there are. They go with their owner."""

from alembic import op

from migrations.columns import (
    NOW,
    bigint_column,
    boolean_column,
    create_index,
    create_updated_at_triggers,
    created_at,
    drop_tables,
    foreign_key,
    id_column,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
    updated_at,
)

revision = "0010"
down_revision = "0009"

CHANGED = (
    "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05"
)
GROWING = (
    "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,"
    " autovacuum_analyze_scale_factor = 0.05"
)
STORAGE = {"watches": CHANGED, "tiktok_videos": GROWING, "metric_snapshots": GROWING}
SUBJECTS = {"oauth_accounts": "account", "tiktok_videos": "video"}
"""A table → what its rows are called in `metric_snapshots`, which names its subjects by words."""

FORGET = """
CREATE FUNCTION forget_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM metric_snapshots
   WHERE subject_type = TG_ARGV[0] AND subject_id IN (SELECT id FROM gone);
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    watches()
    videos()
    for table, values in STORAGE.items():
        op.execute(f"ALTER TABLE {table} SET ({values})")
    op.execute("COMMENT ON COLUMN metric_snapshots.subject_type IS 'account, video, post or media'")
    create_index(
        "idx_tiktok_posts_nameless",
        "tiktok_posts",
        "completed_at",
        where="status = 'PUBLISH_COMPLETE' AND NOT metadata ? 'publicaly_available_post_id'",
    )
    op.execute(FORGET)
    for table, word in SUBJECTS.items():
        op.execute(
            f"CREATE TRIGGER trg_{table}_numbers AFTER DELETE ON {table}"
            " REFERENCING OLD TABLE AS gone"
            f" FOR EACH STATEMENT EXECUTE FUNCTION forget_numbers('{word}')"
        )


def watches() -> None:
    op.create_table(
        "watches",
        id_column(),
        bigint_column("oauth_account_id"),
        timestamp_column("totals_due_at", default=NOW, comment="numbers of the account as a whole"),
        timestamp_column("list_due_at", default=NOW, comment="a look for new videos"),
        bigint_column(
            "list_cursor",
            nullable=True,
            comment="where older videos begin, in the platform's own unit; NULL: with the newest",
        ),
        boolean_column("is_whole", default="false", comment="the list was read to its end once"),
        timestamp_column("listed_at", nullable=True, comment="last look at the newest videos"),
        text_column("problem", nullable=True, comment="what is refused, and the platform's code"),
        timestamp_column("due_at", nullable=True, comment="NULL: nothing to do"),
        timestamp_column("leased_until", nullable=True),
        bigint_column("lease_token", default="0", comment="the fence"),
        bigint_column("attempts", default="0"),
        text_column("last_error", nullable=True),
        created_at(),
        updated_at(),
        primary_key("watches"),
        unique_constraint("watches", "oauth_account_id"),
        foreign_key("watches", "oauth_account_id", "oauth_accounts", "CASCADE"),
        comment="Accounts whose numbers are sampled, and what is due of them",
    )
    create_index("idx_watches_due", "watches", "due_at", where="due_at IS NOT NULL")
    create_updated_at_triggers("watches")


def videos() -> None:
    op.create_table(
        "tiktok_videos",
        id_column(),
        bigint_column("user_id"),
        bigint_column("oauth_account_id"),
        text_column("video_id", 255, comment="TikTok's, as text"),
        text_column("title", nullable=True),
        text_column("url", nullable=True),
        bigint_column("duration_seconds", nullable=True),
        timestamp_column(
            "posted_at", default=NOW, comment="as told; if it was not, when it was first seen"
        ),
        bigint_column("views", nullable=True),
        bigint_column("likes", nullable=True),
        bigint_column("comments", nullable=True),
        bigint_column("shares", nullable=True),
        timestamp_column("counted_at", nullable=True, comment="last answer that showed it"),
        timestamp_column(
            "missing_since",
            nullable=True,
            comment="it is not shown any more: deleted, or no longer public",
        ),
        timestamp_column("due_at", nullable=True, comment="next numbers; its watch is the work"),
        created_at(),
        updated_at(),
        primary_key("tiktok_videos"),
        unique_constraint("tiktok_videos", "oauth_account_id", "video_id"),
        foreign_key("tiktok_videos", "user_id", "users", "CASCADE"),
        foreign_key("tiktok_videos", "oauth_account_id", "oauth_accounts", "CASCADE"),
        comment="Public videos of accounts and their latest numbers",
    )
    create_index(
        "idx_tiktok_videos_due",
        "tiktok_videos",
        "oauth_account_id",
        "due_at",
        where="due_at IS NOT NULL",
    )
    create_index("idx_tiktok_videos_user", "tiktok_videos", "user_id", "posted_at DESC", "id DESC")
    create_updated_at_triggers("tiktok_videos")


def downgrade() -> None:
    for table in SUBJECTS:
        op.execute(f"DROP TRIGGER trg_{table}_numbers ON {table}")
    op.execute("DROP FUNCTION forget_numbers()")
    op.drop_index("idx_tiktok_posts_nameless", "tiktok_posts")
    op.execute("COMMENT ON COLUMN metric_snapshots.subject_type IS 'account, post or media'")
    op.execute(
        "ALTER TABLE metric_snapshots RESET (autovacuum_vacuum_scale_factor,"
        " autovacuum_vacuum_insert_scale_factor, autovacuum_analyze_scale_factor)"
    )
    drop_tables("tiktok_videos", "watches")
