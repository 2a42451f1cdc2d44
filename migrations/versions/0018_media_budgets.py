"""What each user may store, files that are inspected later, and digests that are added later."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import timestamp_column

revision = "0018"
down_revision = "0017"

TABLE, DIGEST_INDEX = "media", "idx_media_without_digest"
OLD_COMMENT = "SHA-256 of the file; set when the upload is complete"
NEW_COMMENT = "SHA-256 of the file; set when the upload is complete, or some minutes later"


def upgrade() -> None:
    op.add_column(
        TABLE,
        timestamp_column(
            "inspected_at",
            nullable=True,
            comment="when its bytes were inspected; what they say is in probe",
        ),
    )
    op.execute("UPDATE media SET inspected_at = completed_at WHERE completed_at IS NOT NULL")
    op.create_index(
        DIGEST_INDEX,
        TABLE,
        ["id"],
        postgresql_where=sa.text("completed_at IS NOT NULL AND sha256 IS NULL"),
    )
    change_digest_comment(OLD_COMMENT, NEW_COMMENT)


def downgrade() -> None:
    change_digest_comment(NEW_COMMENT, OLD_COMMENT)
    op.drop_index(DIGEST_INDEX, TABLE)
    op.drop_column(TABLE, "inspected_at")


def change_digest_comment(old: str, new: str) -> None:
    op.alter_column(
        TABLE,
        "sha256",
        comment=new,
        existing_comment=old,
        existing_type=sa.Text(),
        existing_nullable=True,
    )
