"""Media, comments and metrics of every platform: what is read, when, and replies to comments."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import (
    NOW,
    bigint_column,
    create_index,
    create_updated_at_triggers,
    created_at,
    drop_tables,
    foreign_key,
    id_column,
    one_of,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
    updated_at,
)

revision = "0015"
down_revision = "0014"

CURSOR_COMMENT = "the platform's cursor of the next page; NULL: start with the newest videos"
ACCOUNT_CONSTRAINT = "uq_watches_oauth_account_id"
DESTINATION_CONSTRAINT = "uq_watches_oauth_account_id_destination_id"
DUE_INDEXES = {
    "idx_ig_media_account_insights": "insights_due_at",
    "idx_ig_media_account_comments": "comments_due_at",
}
"""Index of `ig_media` → the column with the due time."""
SUBJECT_COMMENT = "kind of the subject: account, destination, video or media"
OLD_SUBJECT_COMMENT = "kind of the subject: account, video, post or media"
SUBJECTS = {"instagram_accounts": "destination", "ig_media": "media"}
"""A table → what its rows are called in `metric_snapshots`."""


def upgrade() -> None:
    change_schedules()
    for new_column in comment_reading_columns():
        op.add_column("ig_media", new_column)
    for name, due_column in DUE_INDEXES.items():
        create_index(
            name,
            "ig_media",
            "instagram_account_id",
            due_column,
            where=f"{due_column} IS NOT NULL",
        )
    op.alter_column(
        "ig_media",
        "deleted_at",
        existing_type=sa.DateTime(timezone=True),
        comment="since when the platform does not show it: deleted or archived",
    )
    create_mentions()
    create_replies()
    comment_subjects(SUBJECT_COMMENT)
    for table, word in SUBJECTS.items():
        op.execute(
            f"CREATE TRIGGER trg_{table}_numbers AFTER DELETE ON {table}"
            " REFERENCING OLD TABLE AS gone"
            f" FOR EACH STATEMENT EXECUTE FUNCTION forget_numbers('{word}')"
        )


def comment_subjects(text: str) -> None:
    op.execute(f"COMMENT ON COLUMN metric_snapshots.subject_type IS '{text}'")


def change_schedules() -> None:
    op.add_column(
        "watches",
        bigint_column(
            "destination_id",
            nullable=True,
            comment="row of the account in the platform's table; NULL: the login itself",
        ),
    )
    op.add_column(
        "watches",
        timestamp_column(
            "ending_due_at",
            nullable=True,
            comment="when the list of posts that end by themselves is due; NULL: there is none",
        ),
    )
    op.add_column(
        "watches",
        timestamp_column(
            "audience_due_at",
            nullable=True,
            comment="when it is read who follows and reacts; NULL: not read yet",
        ),
    )
    op.add_column(
        "watches",
        timestamp_column(
            "paused_until",
            nullable=True,
            comment="no reading before this: most of the platform's call limit is used up",
        ),
    )
    op.alter_column(
        "watches",
        "list_cursor",
        type_=sa.Text(),
        existing_type=sa.BigInteger(),
        postgresql_using="list_cursor::text",
        comment="the platform's cursor of the next page; NULL: start with the newest posts",
    )
    op.drop_constraint(ACCOUNT_CONSTRAINT, "watches")
    op.create_unique_constraint(
        DESTINATION_CONSTRAINT, "watches", ["oauth_account_id", "destination_id"]
    )
    create_index(
        "uq_watches_login",
        "watches",
        "oauth_account_id",
        where="destination_id IS NULL",
        unique=True,
    )
    create_index(
        "idx_watches_destination",
        "watches",
        "destination_id",
        where="destination_id IS NOT NULL",
    )


def comment_reading_columns() -> list[sa.Column[object]]:
    return [
        timestamp_column(
            "comments_due_at",
            nullable=True,
            comment="when its comments are read next; NULL: not any more",
        ),
        text_column(
            "comments_cursor",
            nullable=True,
            comment=(
                "the platform's cursor of the next page of comments; NULL: begin with the newest"
            ),
        ),
        timestamp_column(
            "comments_read_at",
            nullable=True,
            comment="when its comments were last read; NULL: not yet to their end",
        ),
    ]


def create_mentions() -> None:
    op.create_table(
        "ig_mentions",
        id_column(),
        bigint_column("instagram_account_id"),
        text_column("media_ig_id", comment="media of somebody else"),
        text_column(
            "comment_ig_id", default="", comment="empty: the text of the media itself mentions"
        ),
        timestamp_column("mentioned_at", nullable=True, comment="time of the event"),
        text_column("text", nullable=True),
        text_column("from_user", nullable=True),
        text_column("permalink", nullable=True),
        timestamp_column("timestamp", nullable=True),
        timestamp_column(
            "due_at",
            nullable=True,
            default=NOW,
            comment="when it is fetched; NULL: fetched, or not shown to us",
        ),
        bigint_column("attempts", default="0"),
        timestamp_column("fetched_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("ig_mentions"),
        foreign_key("ig_mentions", "instagram_account_id", "instagram_accounts", "CASCADE"),
        unique_constraint("ig_mentions", "instagram_account_id", "media_ig_id", "comment_ig_id"),
        comment="Mentions of connected Instagram accounts by others",
    )
    create_updated_at_triggers("ig_mentions")


def create_replies() -> None:
    op.create_table(
        "comment_replies",
        id_column(),
        bigint_column("user_id"),
        text_column("provider", 50),
        bigint_column("destination_id", comment="row of the account that replies"),
        text_column("comment_external_id", comment="the platform's id of the comment"),
        text_column("text"),
        text_column("idempotency_key", nullable=True),
        text_column("state"),
        text_column("reply_external_id", nullable=True, comment="NULL: not known"),
        text_column("error_code", nullable=True),
        timestamp_column("claimed_at", comment="when a request last took it up"),
        timestamp_column(
            "first_sent_at",
            nullable=True,
            comment="since when it may be public; NULL: it is certainly not",
        ),
        timestamp_column("sent_at", nullable=True, comment="when it was last sent"),
        created_at(),
        updated_at(),
        primary_key("comment_replies"),
        foreign_key("comment_replies", "user_id", "users", "CASCADE"),
        unique_constraint("comment_replies", "user_id", "idempotency_key"),
        one_of("comment_replies", "provider", "tiktok", "instagram"),
        one_of("comment_replies", "state", "SENDING", "SENT", "UNCONFIRMED", "FAILED"),
        comment="Replies to comments, written down before they are sent",
    )
    create_index(
        "idx_comment_replies_comment", "comment_replies", "provider", "comment_external_id"
    )
    create_index(
        "idx_comment_replies_open",
        "comment_replies",
        "destination_id",
        where="state IN ('SENDING', 'UNCONFIRMED')",
    )
    create_updated_at_triggers("comment_replies")


def downgrade() -> None:
    for table in SUBJECTS:
        op.execute(f"DROP TRIGGER trg_{table}_numbers ON {table}")
    comment_subjects(OLD_SUBJECT_COMMENT)
    drop_tables("comment_replies", "ig_mentions")
    op.alter_column(
        "ig_media", "deleted_at", existing_type=sa.DateTime(timezone=True), comment=None
    )
    for name in DUE_INDEXES:
        op.drop_index(name, "ig_media")
    for old_column in comment_reading_columns():
        op.drop_column("ig_media", str(old_column.name))
    # The version before samples logins only; what it samples again needs no row.
    op.execute("DELETE FROM watches WHERE destination_id IS NOT NULL")
    op.drop_index("idx_watches_destination", "watches")
    op.drop_index("uq_watches_login", "watches")
    op.drop_constraint(DESTINATION_CONSTRAINT, "watches")
    op.create_unique_constraint(ACCOUNT_CONSTRAINT, "watches", ["oauth_account_id"])
    op.alter_column(
        "watches",
        "list_cursor",
        type_=sa.BigInteger(),
        existing_type=sa.Text(),
        postgresql_using="CASE WHEN list_cursor ~ '^[0-9]{1,18}$' THEN list_cursor::bigint END",
        comment=CURSOR_COMMENT,
    )
    for name in ("paused_until", "audience_due_at", "ending_due_at", "destination_id"):
        op.drop_column("watches", name)
