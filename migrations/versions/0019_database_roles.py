"""What the application's database role may do: entries of the audit log are added, and that is all.

Nobody may change or delete them, the owner of the table included. What has to be possible is a
function of the owner's: to delete what is old, to empty the details of an account that is
erased, and to forget the addresses of a user who is erased. Each takes the right for itself within its own transaction, and gives it back. The log
keeps the number of a user who is deleted: the foreign key would have changed the entry.
"""

from alembic import op

from migrations.columns import foreign_key

revision = "0019"
down_revision = "0018"

FORBIDDEN = "UPDATE, DELETE, TRUNCATE"

PRUNE_FUNCTION = """
CREATE FUNCTION prune_audit_log(older_than interval, since timestamptz, row_limit integer)
RETURNS TABLE (deleted bigint, newest timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF older_than < interval '365 days' THEN
    RAISE EXCEPTION 'entries of the audit log are kept for 365 days at least';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('audit_log'));
  IF NOT EXISTS (SELECT FROM audit_log WHERE at < now() - older_than) THEN
    RETURN QUERY SELECT 0::bigint, NULL::timestamptz;
    RETURN;
  END IF;
  GRANT DELETE ON audit_log TO CURRENT_USER;
  RETURN QUERY
    WITH batch AS (
      SELECT id FROM audit_log
       WHERE at < now() - older_than AND (since IS NULL OR at >= since)
       ORDER BY at LIMIT row_limit
    ), gone AS (
      DELETE FROM audit_log AS entry USING batch WHERE entry.id = batch.id RETURNING entry.at
    )
    SELECT count(*), max(gone.at) FROM gone;
  REVOKE DELETE ON audit_log FROM CURRENT_USER;
END $$
"""

EMPTY_FUNCTION = """
CREATE FUNCTION empty_audit_details(of_user bigint, subjects text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  emptied bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('audit_log'));
  GRANT UPDATE ON audit_log TO CURRENT_USER;
  UPDATE audit_log SET details = '{}'
   WHERE user_id IS NOT DISTINCT FROM of_user AND subject = ANY (subjects);
  GET DIAGNOSTICS emptied = ROW_COUNT;
  REVOKE UPDATE ON audit_log FROM CURRENT_USER;
  RETURN emptied;
END $$
"""

FORGET_ADDRESSES_FUNCTION = """
CREATE FUNCTION forget_audit_addresses(of_user bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  forgotten bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('audit_log'));
  GRANT UPDATE ON audit_log TO CURRENT_USER;
  UPDATE audit_log SET ip = NULL
   WHERE ip IS NOT NULL
     AND (user_id = of_user OR (user_id IS NULL AND subject = 'user:' || of_user));
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  REVOKE UPDATE ON audit_log FROM CURRENT_USER;
  RETURN forgotten;
END $$
"""

SIGNATURES = (
    "prune_audit_log(interval, timestamptz, integer)",
    "empty_audit_details(bigint, text[])",
    "forget_audit_addresses(bigint)",
)

FORGET_DELETED_USERS = """
UPDATE audit_log SET user_id = NULL
 WHERE NOT EXISTS (SELECT FROM users WHERE users.id = audit_log.user_id)
"""


def upgrade() -> None:
    op.drop_constraint("fk_audit_log_user_id", "audit_log")
    for statement in (PRUNE_FUNCTION, EMPTY_FUNCTION, FORGET_ADDRESSES_FUNCTION):
        op.execute(statement)
    for signature in SIGNATURES:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"REVOKE {FORBIDDEN} ON audit_log FROM CURRENT_USER")


def downgrade() -> None:
    op.execute(f"GRANT {FORBIDDEN} ON audit_log TO CURRENT_USER")
    for signature in SIGNATURES:
        op.execute(f"DROP FUNCTION {signature}")
    op.execute(FORGET_DELETED_USERS)
    constraint = foreign_key("audit_log", "user_id", "users", "SET NULL")
    op.create_foreign_key(
        constraint.name, "audit_log", "users", ["user_id"], ["id"], ondelete="SET NULL"
    )
