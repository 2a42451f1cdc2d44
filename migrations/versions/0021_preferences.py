"""Preferences of users: time zone, theme, shortcuts, notifications; a language only if chosen.

The indexes are for the page of notifications and the number of unread ones on every page.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.columns import EMPTY, boolean_column, column, create_index, one_of, text_column

revision = "0021"
down_revision = "0020"

ZONE_COMMENT = "IANA name; NULL: not known yet, times are shown in UTC"
MUTED_COMMENT = "kinds that no page shows"
LOCALE_COMMENT = "chosen by the user; NULL: the browser's"


def upgrade() -> None:
    op.add_column("users", text_column("time_zone", nullable=True, comment=ZONE_COMMENT))
    op.add_column("users", text_column("theme", default="system"))
    op.add_column("users", boolean_column("has_shortcuts", default=sa.true()))
    muted = column("muted_notifications", ARRAY(sa.Text()), default=EMPTY, comment=MUTED_COMMENT)
    op.add_column("users", muted)
    create_index("idx_notifications_user", "notifications", "user_id", "id")
    create_index(
        "idx_notifications_unread", "notifications", "user_id", "id", where="read_at IS NULL"
    )
    theme_check = one_of("users", "theme", "system", "light", "dark")
    op.create_check_constraint(theme_check.name, "users", theme_check.sqltext)
    op.alter_column(
        "users",
        "locale",
        existing_type=sa.Text(),
        nullable=True,
        server_default=None,
        comment=LOCALE_COMMENT,
    )
    # No page set it: English was the default, not a choice.
    op.execute("UPDATE users SET locale = NULL WHERE locale = 'en'")


def downgrade() -> None:
    op.execute("UPDATE users SET locale = 'en' WHERE locale IS NULL")
    op.alter_column(
        "users",
        "locale",
        existing_type=sa.Text(),
        nullable=False,
        server_default="en",
        comment=None,
    )
    op.drop_index("idx_notifications_unread", "notifications")
    op.drop_index("idx_notifications_user", "notifications")
    op.drop_column("users", "muted_notifications")
    op.drop_column("users", "has_shortcuts")
    op.drop_column("users", "theme")
    op.drop_column("users", "time_zone")
