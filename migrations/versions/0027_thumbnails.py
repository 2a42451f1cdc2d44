"""Small pictures of media and of accounts."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import (
    bigint_column,
    column,
    create_index,
    create_updated_at_triggers,
    created_at,
    foreign_key,
    id_column,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
    updated_at,
)

revision = "0027"
down_revision = "0026"

REQUEST_PICTURES = (
    """
    INSERT INTO account_pictures (oauth_account_id, url, due_at)
    SELECT id, metadata->>'avatar_url', now() FROM oauth_accounts
     WHERE disconnected_at IS NULL AND metadata->>'avatar_url' IS NOT NULL
    """,
    """
    INSERT INTO account_pictures (oauth_account_id, destination_id, url, due_at)
    SELECT oauth_account_id, id, metadata->>'avatar_url', now() FROM instagram_accounts
     WHERE disconnected_at IS NULL AND oauth_account_id IS NOT NULL
       AND metadata->>'avatar_url' IS NOT NULL
    """,
)


def upgrade() -> None:
    create_account_pictures()
    create_thumbnails()
    for statement in REQUEST_PICTURES:
        op.execute(statement)


def create_account_pictures() -> None:
    op.create_table(
        "account_pictures",
        id_column(),
        bigint_column("oauth_account_id"),
        bigint_column(
            "destination_id",
            nullable=True,
            comment="row of the account in the platform's table; NULL: the login itself",
        ),
        text_column("url", comment="where the platform shows it"),
        column(
            "image",
            sa.LargeBinary(),
            nullable=True,
            comment="JPEG of 128 by 128 pixels; NULL: not fetched yet",
        ),
        text_column("digest", nullable=True, comment="beginning of the SHA-256 of the image"),
        timestamp_column("fetched_at", nullable=True),
        text_column("problem", nullable=True, comment="why the last fetch failed"),
        timestamp_column(
            "due_at", nullable=True, comment="when the row can be claimed next; NULL: nothing to do"
        ),
        timestamp_column("leased_until", nullable=True),
        bigint_column(
            "lease_token",
            default="0",
            comment="raised by each claim; results with an older token are dropped",
        ),
        bigint_column("attempts", default="0"),
        text_column("last_error", nullable=True),
        created_at(),
        updated_at(),
        primary_key("account_pictures"),
        unique_constraint("account_pictures", "oauth_account_id", "destination_id"),
        foreign_key("account_pictures", "oauth_account_id", "oauth_accounts", "CASCADE"),
        comment="Pictures of accounts, fetched from the platforms",
    )
    create_index(
        "uq_account_pictures_login",
        "account_pictures",
        "oauth_account_id",
        unique=True,
        where="destination_id IS NULL",
    )
    create_index(
        "idx_account_pictures_due", "account_pictures", "due_at", where="due_at IS NOT NULL"
    )
    create_updated_at_triggers("account_pictures")


def create_thumbnails() -> None:
    op.create_table(
        "thumbnails",
        bigint_column("media_id"),
        column(
            "image",
            sa.LargeBinary(),
            nullable=True,
            comment="JPEG of at most 320 by 320 pixels; NULL: the file has no readable picture",
        ),
        created_at(),
        sa.PrimaryKeyConstraint("media_id", name="pk_thumbnails"),
        foreign_key("thumbnails", "media_id", "media", "CASCADE"),
        comment="Small pictures of media files, made once and deleted with the file",
    )


def downgrade() -> None:
    op.drop_table("thumbnails")
    op.drop_table("account_pictures")
