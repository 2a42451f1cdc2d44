"""Views for operators: how accounts stand, and how their refreshes went."""

from alembic import op

revision = "0006"
down_revision = "0005"

SUMMARY = """
CREATE VIEW oauth_accounts_summary AS
SELECT provider,
       count(*) AS total,
       count(*) FILTER (WHERE status = 'ACTIVE' AND expires_at > now()) AS active,
       count(*) FILTER (WHERE disconnected_at IS NULL AND expires_at <= now()) AS expired,
       count(*) FILTER (WHERE status = 'ACTIVE' AND expires_at > now()
                          AND expires_at <= now() + interval '1 hour') AS expiring_within_1h,
       round(avg(extract(epoch FROM expires_at - now()) / 3600)
             FILTER (WHERE status = 'ACTIVE' AND expires_at > now()), 1) AS average_hours_left
FROM oauth_accounts
GROUP BY provider
"""

HEALTH = """
CREATE VIEW oauth_health_status AS
WITH refreshes AS (
  SELECT account.provider,
         count(*) FILTER (WHERE attempt.outcome = 'done') AS succeeded,
         count(*) FILTER (WHERE attempt.outcome IN ('retry', 'failed')) AS failed
  FROM attempts AS attempt
  JOIN oauth_accounts AS account ON account.id = attempt.row_id
  WHERE attempt.kind = 'accounts' AND attempt.started_at > now() - interval '24 hours'
  GROUP BY account.provider
), accounts AS (
  SELECT provider,
         max(last_refreshed_at) AS last_success_at,
         count(*) FILTER (WHERE status = 'NEEDS_RECONNECT') AS needs_reconnect
  FROM oauth_accounts
  GROUP BY provider
)
SELECT accounts.provider,
       CASE WHEN coalesce(failed, 0) = 0 AND needs_reconnect = 0 THEN 'healthy'
            WHEN coalesce(failed, 0) > coalesce(succeeded, 0) THEN 'unhealthy'
            ELSE 'degraded' END AS status,
       coalesce(succeeded, 0) AS refreshed_24h,
       coalesce(failed, 0) AS failed_24h,
       last_success_at,
       needs_reconnect
FROM accounts LEFT JOIN refreshes USING (provider)
"""


def upgrade() -> None:
    op.execute(SUMMARY)
    op.execute(HEALTH)


def downgrade() -> None:
    op.execute("DROP VIEW oauth_health_status")
    op.execute("DROP VIEW oauth_accounts_summary")
