"""Callbacks about deleted data: what is searched for, and how far."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.columns import EMPTY, bigint_column, boolean_column, column, text_column

revision = "0016"
down_revision = "0015"

TABLE = "data_deletion_requests"


def upgrade() -> None:
    # The person's id stays no longer than their data, so that it becomes one of several ids that
    # are searched for. No version before this has written the table.
    op.drop_column(TABLE, "platform_user_id")
    for new_column in search_columns():
        op.add_column(TABLE, new_column)


def search_columns() -> list[sa.Column[object]]:
    return [
        column(
            "subject_ids",
            ARRAY(sa.Text()),
            default=EMPTY,
            comment=(
                "the platform's ids: of the person first, then of their accounts; emptied at the end"
            ),
        ),
        boolean_column(
            "found", default="false", comment="whether anything was stored of the person"
        ),
        boolean_column(
            "logins_erased",
            default="false",
            comment="whether the logins are erased with all that belongs to them",
        ),
        bigint_column(
            "events_searched_to",
            default="0",
            comment="webhook events up to this id have been searched",
        ),
    ]


def downgrade() -> None:
    for old_column in search_columns():
        op.drop_column(TABLE, str(old_column.name))
    op.add_column(TABLE, text_column("platform_user_id", default=""))
    op.alter_column(TABLE, "platform_user_id", server_default=None, existing_type=sa.Text())
