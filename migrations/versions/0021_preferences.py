"""Preferences of users: time zone, theme, keyboard shortcuts; a language only if it was chosen."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import boolean_column, one_of, text_column

revision = "0021"
down_revision = "0020"

ZONE_COMMENT = "IANA name; NULL: not known yet, times are shown in UTC"
LOCALE_COMMENT = "chosen by the user; NULL: the browser's"


def upgrade() -> None:
    op.add_column("users", text_column("time_zone", nullable=True, comment=ZONE_COMMENT))
    op.add_column("users", text_column("theme", default="system"))
    op.add_column("users", boolean_column("has_shortcuts", default=sa.true()))
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
    op.drop_column("users", "has_shortcuts")
    op.drop_column("users", "theme")
    op.drop_column("users", "time_zone")
