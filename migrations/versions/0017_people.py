"""Failed sign-ins per account, e-mails that a host application claims, and what ends access.

Whoever changes a password or disables a user, by whatever means, ends their sessions and keys:
operators write to the table `users` too, so the database sees to it.
"""

import sqlalchemy as sa
from alembic import op

from migrations.columns import (
    bigint_column,
    create_index,
    drop_tables,
    id_column,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
)

revision = "0017"
down_revision = "0016"

# Users of a host application have no password of ours. Until now the e-mail that the host claimed
# for them occupied the name of a person who might be added later.
MOVE_CLAIMED_EMAILS = """
UPDATE users
   SET claimed_email = email,
       email = left(encode(sha256(convert_to(jwt_issuer || E'\\n' || jwt_subject, 'UTF8')), 'hex'),
                    24) || '@host.invalid'
 WHERE jwt_subject IS NOT NULL AND password_hash IS NULL AND NOT is_admin
   AND email NOT LIKE '%@host.invalid'
"""
# Where several users claim one e-mail, the first gets it back and the others keep invented ones.
RESTORE_CLAIMED_EMAILS = """
UPDATE users SET email = claims.email
  FROM (SELECT min(id) AS id, min(claimed_email) AS email FROM users
         WHERE claimed_email IS NOT NULL GROUP BY lower(claimed_email)) AS claims
 WHERE users.id = claims.id
   AND NOT EXISTS (SELECT 1 FROM users AS owner WHERE lower(owner.email) = lower(claims.email))
"""

END_ACCESS_FUNCTION = """
CREATE FUNCTION end_access() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE sessions SET revoked_at = now() WHERE user_id = NEW.id AND revoked_at IS NULL;
  UPDATE api_keys SET revoked_at = now() WHERE user_id = NEW.id AND revoked_at IS NULL;
  RETURN NULL;
END $$
"""
# The same password hashed anew, with other parameters, is no change: the setting names its user.
END_ACCESS_TRIGGER = """
CREATE TRIGGER trg_users_access AFTER UPDATE OF password_hash, disabled_at ON users FOR EACH ROW
  WHEN (NEW.disabled_at IS DISTINCT FROM OLD.disabled_at
        OR (NEW.password_hash IS DISTINCT FROM OLD.password_hash
            AND current_setting('signalpost.same_password', true) IS DISTINCT FROM NEW.id::text))
  EXECUTE FUNCTION end_access()
"""


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column(
            "claimed_email",
            sa.Text(),
            comment="what the host application says; proves nothing, and signs nobody in",
        ),
    )
    op.execute(MOVE_CLAIMED_EMAILS)
    op.create_table(
        "sign_in_failures",
        id_column(),
        text_column("subject", comment="SHA-256 of an account, or of an account and a network"),
        bigint_column("failures", comment="attempts since the last success"),
        timestamp_column("last_at"),
        timestamp_column("paused_until", comment="no password is checked before"),
        primary_key("sign_in_failures"),
        unique_constraint("sign_in_failures", "subject"),
        comment="Failed attempts to sign in, counted per account",
    )
    create_index("idx_sign_in_failures_last", "sign_in_failures", "last_at")
    op.execute(END_ACCESS_FUNCTION)
    op.execute(END_ACCESS_TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER trg_users_access ON users")
    op.execute("DROP FUNCTION end_access()")
    drop_tables("sign_in_failures")
    op.execute(RESTORE_CLAIMED_EMAILS)
    op.drop_column("users", "claimed_email")
