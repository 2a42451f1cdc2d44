"""Counts of posts by time and state, the indexes of the lists, and hidden lines of the home page."""

from alembic import op
from sqlalchemy import text

from migrations.columns import (
    bigint_column,
    boolean_column,
    create_index,
    created_at,
    drop_tables,
    foreign_key,
    id_column,
    one_of,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
)

revision = "0025"
down_revision = "0024"

STATES = ("QUEUED", "SENDING", "PROCESSING", "UNCONFIRMED", "PUBLISHED", "FAILED", "CANCELLED")
PUBLISH_TIME = "COALESCE(publish_at, created_at)"
IS_UNFINISHED = "state NOT IN ('PUBLISHED', 'FAILED', 'CANCELLED')"
IS_DRAFT = "state = 'PUBLISHED' AND step = 'DELIVERED'"

COUNT_FUNCTION = """
CREATE FUNCTION count_post_days() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  quarter CONSTANT interval := '15 minutes';
  origin CONSTANT timestamptz := '2000-01-01 00:00:00+00';
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO public.post_days (user_id, account_id, provider, starts_at, state, n)
    SELECT OLD.user_id, OLD.oauth_account_id, OLD.provider,
           date_bin(quarter, COALESCE(OLD.publish_at, OLD.created_at), origin), OLD.state, -1
     WHERE TG_OP = 'UPDATE' OR EXISTS (SELECT FROM public.users WHERE id = OLD.user_id);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO public.post_days (user_id, account_id, provider, starts_at, state, n)
    VALUES (NEW.user_id, NEW.oauth_account_id, NEW.provider,
            date_bin(quarter, COALESCE(NEW.publish_at, NEW.created_at), origin), NEW.state, 1);
  END IF;
  RETURN NULL;
END $$
"""

TRIGGERS = (
    """
    CREATE TRIGGER trg_posts_days AFTER INSERT OR DELETE ON posts
      FOR EACH ROW EXECUTE FUNCTION count_post_days()
    """,
    """
    CREATE TRIGGER trg_posts_days_changed AFTER UPDATE ON posts FOR EACH ROW
      WHEN ((OLD.user_id, OLD.oauth_account_id, OLD.provider, OLD.state, OLD.publish_at,
             OLD.created_at)
            IS DISTINCT FROM
            (NEW.user_id, NEW.oauth_account_id, NEW.provider, NEW.state, NEW.publish_at,
             NEW.created_at))
      EXECUTE FUNCTION count_post_days()
    """,
)

COUNT_EARLIER_POSTS = """
INSERT INTO post_days (user_id, account_id, provider, starts_at, state, n, is_merged)
SELECT user_id, oauth_account_id, provider,
       date_bin(CASE WHEN COALESCE(publish_at, created_at) < now() - interval '62 days'
                     THEN interval '1 day' ELSE interval '15 minutes' END,
                COALESCE(publish_at, created_at), '2000-01-01 00:00:00+00'),
       state, count(*), true
  FROM posts GROUP BY 1, 2, 3, 4, 5
"""

POST_INDEXES = (
    ("idx_posts_user_state", ("user_id", "state", "id"), ""),
    ("idx_posts_user_state_time", ("user_id", "state", PUBLISH_TIME, "id"), ""),
    ("idx_posts_user_time", ("user_id", PUBLISH_TIME, "id"), ""),
    ("idx_posts_user_kind", ("user_id", "kind", "id"), ""),
    ("idx_posts_unfinished", ("oauth_account_id",), IS_UNFINISHED),
    ("idx_posts_finished", ("oauth_account_id", "finished_at"), "finished_at IS NOT NULL"),
    ("idx_posts_drafts", ("user_id",), IS_DRAFT),
)


def upgrade() -> None:
    create_counts()
    for name, columns, where in POST_INDEXES:
        create_index(name, "posts", *columns, where=where)
    op.create_index(
        "idx_posts_title",
        "posts",
        [text("to_tsvector('simple'::regconfig, title)")],
        postgresql_using="gin",
    )
    op.create_table(
        "home_dismissals",
        id_column(),
        bigint_column("user_id"),
        text_column("subject", comment="what was hidden, and the cause of it"),
        created_at(),
        primary_key("home_dismissals"),
        foreign_key("home_dismissals", "user_id", "users", "CASCADE"),
        unique_constraint("home_dismissals", "user_id", "subject"),
        comment="Lines of the home page that their reader has hidden",
    )


def create_counts() -> None:
    op.create_table(
        "post_days",
        id_column(),
        bigint_column("user_id"),
        bigint_column("account_id", nullable=True, comment="the login; NULL: it was deleted"),
        text_column("provider", 50),
        timestamp_column(
            "starts_at",
            comment="beginning of 15 minutes, or of a UTC day long ago, with the publish time",
        ),
        text_column("state", 50),
        bigint_column("n", comment="added to the count; negative when posts left the state"),
        boolean_column("is_merged", default="false", comment="whether it sums up earlier rows"),
        primary_key("post_days"),
        foreign_key("post_days", "user_id", "users", "CASCADE"),
        one_of("post_days", "state", *STATES),
        comment="Changes of the number of posts by publish time and state; their sum is the count",
        postgresql_with={
            "autovacuum_vacuum_scale_factor": "0.02",
            "autovacuum_vacuum_insert_scale_factor": "0.05",
            "autovacuum_analyze_scale_factor": "0.05",
        },
    )
    for statement in (COUNT_FUNCTION, *TRIGGERS, COUNT_EARLIER_POSTS):
        op.execute(statement)
    create_index("idx_post_days_user", "post_days", "user_id", "starts_at")
    create_index("idx_post_days_unmerged", "post_days", "user_id", where="NOT is_merged")


def downgrade() -> None:
    op.execute("DROP TRIGGER trg_posts_days_changed ON posts")
    op.execute("DROP TRIGGER trg_posts_days ON posts")
    op.execute("DROP FUNCTION count_post_days()")
    op.drop_index("idx_posts_title", "posts")
    for name, _columns, _where in POST_INDEXES:
        op.drop_index(name, "posts")
    drop_tables("home_dismissals", "post_days")
