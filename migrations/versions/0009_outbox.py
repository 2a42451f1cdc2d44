"""Host applications are told what happens: where, signed with what, and how each try went."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.columns import (
    CLOCK_TIMESTAMP,
    EMPTY,
    NOW,
    bigint_column,
    boolean_column,
    column,
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

revision = "0009"
down_revision = "0008"

CHANGED = (
    "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05"
)
GROWING = (
    "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,"
    " autovacuum_analyze_scale_factor = 0.05"
)
STORAGE = {"deliveries": CHANGED, "outbox": GROWING, "delivery_tries": GROWING}


def upgrade() -> None:
    endpoints()
    messages()
    deliveries()
    for table, values in STORAGE.items():
        op.execute(f"ALTER TABLE {table} SET ({values})")


def endpoints() -> None:
    op.create_table(
        "endpoints",
        id_column(),
        bigint_column("user_id"),
        text_column("url"),
        text_column("description", default=""),
        column(
            "events",
            ARRAY(sa.Text()),
            default=EMPTY,
            comment="which ones it hears; none named: all",
        ),
        timestamp_column("disabled_at", nullable=True, comment="it hears nothing since then"),
        text_column("disabled_cause", nullable=True, comment="by its owner, gone or failing"),
        bigint_column("failures", default="0", comment="tries in vain in a row"),
        timestamp_column("failing_since", nullable=True, comment="the first of them"),
        timestamp_column("failed_at", nullable=True, comment="the last one"),
        timestamp_column("delivered_at", nullable=True, comment="last try that was heard"),
        created_at(),
        updated_at(),
        primary_key("endpoints"),
        foreign_key("endpoints", "user_id", "users", "CASCADE"),
        comment="Addresses of host applications that are told what happens",
    )
    create_index("idx_endpoints_user", "endpoints", "user_id")
    create_updated_at_triggers("endpoints")

    op.create_table(
        "endpoint_secrets",
        id_column(),
        bigint_column("endpoint_id"),
        text_column("secret_encrypted", comment="AES-256-GCM"),
        timestamp_column("expires_at", nullable=True, comment="NULL: the current one"),
        created_at(),
        primary_key("endpoint_secrets"),
        foreign_key("endpoint_secrets", "endpoint_id", "endpoints", "CASCADE"),
        comment="What signs notices; a replaced one signs beside its successor for a while",
    )
    create_index("idx_endpoint_secrets_endpoint", "endpoint_secrets", "endpoint_id")
    create_index(
        "idx_endpoint_secrets_expires",
        "endpoint_secrets",
        "expires_at",
        where="expires_at IS NOT NULL",
    )


def messages() -> None:
    op.create_table(
        "outbox",
        id_column(),
        bigint_column("user_id"),
        text_column("name", comment="webhook-id: the same at every try, to whomever"),
        text_column("type", comment="as in post.published"),
        text_column("subject", comment="as in post:7"),
        bigint_column("sequence", comment="counts what its subject has had"),
        text_column("body", comment="JSON, byte for byte as it is signed"),
        created_at(),
        primary_key("outbox"),
        foreign_key("outbox", "user_id", "users", "CASCADE"),
        unique_constraint("outbox", "name"),
        comment="What host applications are told",
    )
    create_index("idx_outbox_user", "outbox", "user_id")
    create_index("idx_outbox_created", "outbox", "created_at")

    op.create_table(
        "outbox_sequences",
        bigint_column("user_id"),
        text_column("subject"),
        bigint_column("last", comment="number of its last message"),
        sa.PrimaryKeyConstraint("user_id", "subject", name="pk_outbox_sequences"),
        foreign_key("outbox_sequences", "user_id", "users", "CASCADE"),
        comment="How much was told of each subject; outlives the messages",
    )


def deliveries() -> None:
    op.create_table(
        "deliveries",
        id_column(),
        bigint_column("message_id"),
        bigint_column("endpoint_id"),
        boolean_column(
            "asked", default="false", comment="a person waits: an endpoint's rest is not kept"
        ),
        timestamp_column("delivered_at", nullable=True, comment="answered with 2xx"),
        timestamp_column("dead_at", nullable=True, comment="out of patience since then"),
        timestamp_column("due_at", nullable=True, default=NOW),
        timestamp_column("leased_until", nullable=True),
        bigint_column("lease_token", default="0", comment="the fence"),
        bigint_column("attempts", default="0"),
        text_column("last_error", nullable=True),
        created_at(),
        primary_key("deliveries"),
        foreign_key("deliveries", "message_id", "outbox", "CASCADE"),
        foreign_key("deliveries", "endpoint_id", "endpoints", "CASCADE"),
        unique_constraint("deliveries", "message_id", "endpoint_id"),
        comment="One message for one endpoint",
    )
    create_index("idx_deliveries_due", "deliveries", "due_at", where="due_at IS NOT NULL")
    create_index("idx_deliveries_endpoint", "deliveries", "endpoint_id", "id")
    create_index("idx_deliveries_dead", "deliveries", "dead_at", where="dead_at IS NOT NULL")

    op.create_table(
        "delivery_tries",
        id_column(),
        bigint_column("delivery_id"),
        bigint_column("number"),
        timestamp_column("started_at", default=CLOCK_TIMESTAMP),
        bigint_column("milliseconds", nullable=True, comment="NULL: no end was recorded"),
        bigint_column("status", nullable=True, comment="NULL: no answer came"),
        text_column("error", nullable=True),
        text_column("answer", nullable=True, comment="its first bytes"),
        primary_key("delivery_tries"),
        foreign_key("delivery_tries", "delivery_id", "deliveries", "CASCADE"),
        comment="Every try to deliver a message",
    )
    create_index("idx_delivery_tries_delivery", "delivery_tries", "delivery_id", "id")


def downgrade() -> None:
    drop_tables(
        "delivery_tries",
        "deliveries",
        "outbox_sequences",
        "outbox",
        "endpoint_secrets",
        "endpoints",
    )
