"""Host applications are told what happens: where, signed with what, and how each try went."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.columns import (
    CLOCK,
    EMPTY,
    NOW,
    column,
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
        identity(),
        number("user_id"),
        text("url"),
        text("description", default=""),
        column(
            "events", ARRAY(sa.Text()), default=EMPTY, says="which ones it hears; none named: all"
        ),
        moment("disabled_at", null=True, says="it hears nothing since then"),
        text("disabled_cause", null=True, says="by its owner, gone or failing"),
        number("failures", default="0", says="tries in vain in a row"),
        moment("failing_since", null=True, says="the first of them"),
        moment("failed_at", null=True, says="the last one"),
        moment("delivered_at", null=True, says="last try that was heard"),
        created(),
        updated(),
        primary("endpoints"),
        refers("endpoints", "user_id", "users", "CASCADE"),
        comment="Addresses of host applications that are told what happens",
    )
    index("idx_endpoints_user", "endpoints", "user_id")
    touched("endpoints")

    op.create_table(
        "endpoint_secrets",
        identity(),
        number("endpoint_id"),
        text("secret_encrypted", says="AES-256-GCM"),
        moment("expires_at", null=True, says="NULL: the current one"),
        created(),
        primary("endpoint_secrets"),
        refers("endpoint_secrets", "endpoint_id", "endpoints", "CASCADE"),
        comment="What signs notices; a replaced one signs beside its successor for a while",
    )
    index("idx_endpoint_secrets_endpoint", "endpoint_secrets", "endpoint_id")
    index(
        "idx_endpoint_secrets_expires",
        "endpoint_secrets",
        "expires_at",
        where="expires_at IS NOT NULL",
    )


def messages() -> None:
    op.create_table(
        "outbox",
        identity(),
        number("user_id"),
        text("name", says="webhook-id: the same at every try, to whomever"),
        text("type", says="as in post.published"),
        text("subject", says="as in post:7"),
        number("sequence", says="counts what its subject has had"),
        text("body", says="JSON, byte for byte as it is signed"),
        created(),
        primary("outbox"),
        refers("outbox", "user_id", "users", "CASCADE"),
        unique("outbox", "name"),
        comment="What host applications are told",
    )
    index("idx_outbox_user", "outbox", "user_id")
    index("idx_outbox_created", "outbox", "created_at")

    op.create_table(
        "outbox_sequences",
        number("user_id"),
        text("subject"),
        number("last", says="number of its last message"),
        sa.PrimaryKeyConstraint("user_id", "subject", name="pk_outbox_sequences"),
        refers("outbox_sequences", "user_id", "users", "CASCADE"),
        comment="How much was told of each subject; outlives the messages",
    )


def deliveries() -> None:
    op.create_table(
        "deliveries",
        identity(),
        number("message_id"),
        number("endpoint_id"),
        flag("asked", default="false", says="a person waits: an endpoint's rest is not kept"),
        moment("delivered_at", null=True, says="answered with 2xx"),
        moment("dead_at", null=True, says="out of patience since then"),
        moment("due_at", null=True, default=NOW),
        moment("leased_until", null=True),
        number("lease_token", default="0", says="the fence"),
        number("attempts", default="0"),
        text("last_error", null=True),
        created(),
        primary("deliveries"),
        refers("deliveries", "message_id", "outbox", "CASCADE"),
        refers("deliveries", "endpoint_id", "endpoints", "CASCADE"),
        unique("deliveries", "message_id", "endpoint_id"),
        comment="One message for one endpoint",
    )
    index("idx_deliveries_due", "deliveries", "due_at", where="due_at IS NOT NULL")
    index("idx_deliveries_endpoint", "deliveries", "endpoint_id", "id")
    index("idx_deliveries_dead", "deliveries", "dead_at", where="dead_at IS NOT NULL")

    op.create_table(
        "delivery_tries",
        identity(),
        number("delivery_id"),
        number("number"),
        moment("started_at", default=CLOCK),
        number("milliseconds", null=True, says="NULL: no end was recorded"),
        number("status", null=True, says="NULL: no answer came"),
        text("error", null=True),
        text("answer", null=True, says="its first bytes"),
        primary("delivery_tries"),
        refers("delivery_tries", "delivery_id", "deliveries", "CASCADE"),
        comment="Every try to deliver a message",
    )
    index("idx_delivery_tries_delivery", "delivery_tries", "delivery_id", "id")


def downgrade() -> None:
    drop(
        "delivery_tries",
        "deliveries",
        "outbox_sequences",
        "outbox",
        "endpoint_secrets",
        "endpoints",
    )
