"""Notifications by e-mail: which kinds a user wants, and up to which one they have been sent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.columns import (
    EMPTY,
    NOW,
    bigint_column,
    column,
    create_index,
    timestamp_column,
)

revision = "0035"
down_revision = "0034"

KINDS_COMMENT = "kinds that are also sent by e-mail"
UP_TO_COMMENT = "id of the last notification that was looked at for an e-mail"
DUE_COMMENT = "when notifications of this user are looked at next for an e-mail"


def upgrade() -> None:
    op.add_column(
        "users",
        column("mailed_notifications", ARRAY(sa.Text()), default=EMPTY, comment=KINDS_COMMENT),
    )
    op.add_column("users", bigint_column("mailed_up_to", default="0", comment=UP_TO_COMMENT))
    op.add_column("users", timestamp_column("mail_due_at", default=NOW, comment=DUE_COMMENT))
    create_index(
        "idx_users_mail_due", "users", "mail_due_at", where="mailed_notifications <> '{}'::text[]"
    )


def downgrade() -> None:
    op.drop_index("idx_users_mail_due", "users")
    op.drop_column("users", "mail_due_at")
    op.drop_column("users", "mailed_up_to")
    op.drop_column("users", "mailed_notifications")
