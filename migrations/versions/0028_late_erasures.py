"""Erased people whose events may still arrive."""

from alembic import op

from migrations.columns import (
    create_index,
    created_at,
    id_column,
    primary_key,
    text_column,
    unique_constraint,
)

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "erased_subjects",
        id_column(),
        text_column("subject_hash", comment="keyed hash of the platform and its id of the person"),
        created_at(),
        primary_key("erased_subjects"),
        unique_constraint("erased_subjects", "subject_hash"),
        comment="People and accounts that were erased: their late webhook events are stored empty",
    )
    create_index("idx_erased_subjects_created", "erased_subjects", "created_at")


def downgrade() -> None:
    op.drop_table("erased_subjects")
