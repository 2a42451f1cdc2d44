"""Counts of posts are kept once per statement, not once per changed post."""

from alembic import op

revision = "0031"
down_revision = "0030"

COUNT_CHANGES = """
CREATE FUNCTION count_changed_posts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.post_days (user_id, account_id, provider, starts_at, state, n)
  SELECT user_id, oauth_account_id, provider,
         date_bin('15 minutes', COALESCE(publish_at, created_at), '2000-01-01 00:00:00+00'),
         state, sum(n)
    FROM (SELECT user_id, oauth_account_id, provider, publish_at, created_at, state, -1 AS n
            FROM earlier_posts
           UNION ALL
          SELECT user_id, oauth_account_id, provider, publish_at, created_at, state, 1
            FROM changed_posts) AS changes
   GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0;
  RETURN NULL;
END $$
"""
TRIGGER_BY_STATEMENT = """
CREATE TRIGGER trg_posts_days_changed AFTER UPDATE ON posts
  REFERENCING OLD TABLE AS earlier_posts NEW TABLE AS changed_posts
  FOR EACH STATEMENT EXECUTE FUNCTION count_changed_posts()
"""
TRIGGER_BY_ROW = """
CREATE TRIGGER trg_posts_days_changed AFTER UPDATE ON posts FOR EACH ROW
  WHEN ((OLD.user_id, OLD.oauth_account_id, OLD.provider, OLD.state, OLD.publish_at,
         OLD.created_at)
        IS DISTINCT FROM
        (NEW.user_id, NEW.oauth_account_id, NEW.provider, NEW.state, NEW.publish_at,
         NEW.created_at))
  EXECUTE FUNCTION count_post_days()
"""


def upgrade() -> None:
    op.execute(COUNT_CHANGES)
    op.execute("DROP TRIGGER trg_posts_days_changed ON posts")
    op.execute(TRIGGER_BY_STATEMENT)


def downgrade() -> None:
    op.execute("DROP TRIGGER trg_posts_days_changed ON posts")
    op.execute(TRIGGER_BY_ROW)
    op.execute("DROP FUNCTION count_changed_posts()")
