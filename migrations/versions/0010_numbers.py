"""Numbers of accounts and videos: who is sampled, which videos there are. They go with their owner."""

from alembic import op

from migrations.columns import (
    NOW,
    created,
    drop,
    flag,
    identity,
    index,
    moment,
    number,
    primary,
    refers,
    text,
    touched,
    unique,
    updated,
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
    index(
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
        identity(),
        number("oauth_account_id"),
        moment("totals_due_at", default=NOW, says="numbers of the account as a whole"),
        moment("list_due_at", default=NOW, says="a look for new videos"),
        number(
            "list_cursor",
            null=True,
            says="where older videos begin, in the platform's own unit; NULL: with the newest",
        ),
        flag("is_whole", default="false", says="the list was read to its end once"),
        moment("listed_at", null=True, says="last look at the newest videos"),
        text("problem", null=True, says="what is refused, and the platform's code"),
        moment("due_at", null=True, says="NULL: nothing to do"),
        moment("leased_until", null=True),
        number("lease_token", default="0", says="the fence"),
        number("attempts", default="0"),
        text("last_error", null=True),
        created(),
        updated(),
        primary("watches"),
        unique("watches", "oauth_account_id"),
        refers("watches", "oauth_account_id", "oauth_accounts", "CASCADE"),
        comment="Accounts whose numbers are sampled, and what is due of them",
    )
    index("idx_watches_due", "watches", "due_at", where="due_at IS NOT NULL")
    touched("watches")


def videos() -> None:
    op.create_table(
        "tiktok_videos",
        identity(),
        number("user_id"),
        number("oauth_account_id"),
        text("video_id", 255, says="TikTok's, as text"),
        text("title", null=True),
        text("url", null=True),
        number("duration_seconds", null=True),
        moment("posted_at", default=NOW, says="as told; if it was not, when it was first seen"),
        number("views", null=True),
        number("likes", null=True),
        number("comments", null=True),
        number("shares", null=True),
        moment("counted_at", null=True, says="last answer that showed it"),
        moment(
            "missing_since",
            null=True,
            says="it is not shown any more: deleted, or no longer public",
        ),
        moment("due_at", null=True, says="next numbers; its watch is the work"),
        created(),
        updated(),
        primary("tiktok_videos"),
        unique("tiktok_videos", "oauth_account_id", "video_id"),
        refers("tiktok_videos", "user_id", "users", "CASCADE"),
        refers("tiktok_videos", "oauth_account_id", "oauth_accounts", "CASCADE"),
        comment="Public videos of accounts and their latest numbers",
    )
    index(
        "idx_tiktok_videos_due",
        "tiktok_videos",
        "oauth_account_id",
        "due_at",
        where="due_at IS NOT NULL",
    )
    index("idx_tiktok_videos_user", "tiktok_videos", "user_id", "posted_at DESC", "id DESC")
    touched("tiktok_videos")


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
    drop("tiktok_videos", "watches")
