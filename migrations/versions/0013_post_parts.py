"""Posts of every platform: their media items and parts, their destination, all their public ids.

`post_parts` replaces `ig_containers`, which was never written, and `upload_sessions`. The upload
URLs of running uploads are not carried over, because they are encrypted for their old column: such
an upload begins again if nothing of it has arrived, and otherwise fails. The kinds and sources of
posts are decided by the platforms, so that the CHECK constraints on them go.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.columns import (
    EMPTY,
    bigint_column,
    boolean_column,
    column,
    create_index,
    create_updated_at_triggers,
    created_at,
    drop_tables,
    foreign_key,
    id_column,
    json_column,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
    updated_at,
)

revision = "0013"
down_revision = "0012"

KINDS = (
    "INBOX_VIDEO",
    "DIRECT_VIDEO",
    "INBOX_PHOTO",
    "DIRECT_PHOTO",
    "IMAGE",
    "REELS",
    "STORIES",
    "CAROUSEL",
)
SOURCES = ("FILE_UPLOAD", "PULL_FROM_URL")
CHANGED = (
    "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05"
)
CARRY_PARTS_OVER = """
INSERT INTO post_parts (post_id, position, role, handle, made_at, expires_at, next_offset)
SELECT id, 0, CASE WHEN kind LIKE '%PHOTO' THEN 'image' ELSE 'video' END, publish_id, started_at,
       url_expires_at, bytes_sent
  FROM posts WHERE publish_id IS NOT NULL AND due_at IS NOT NULL
"""
MARK_UNANSWERED_STARTS = """
UPDATE posts SET memo = memo || jsonb_build_object(
           'unsafe', 'start', 'unsafe_at', coalesce(started_at, created_at))
 WHERE sent_by = 'PLATFORM' AND publish_id IS NULL AND state IN ('SENDING', 'UNCONFIRMED')
"""
MARK_POSTS_HANDED_OVER = """
UPDATE posts SET memo = memo || '{"handed_over": true}'
 WHERE publish_id IS NOT NULL AND state IN ('PROCESSING', 'UNCONFIRMED')
"""
"""What the steps of later versions write down before or after they run. Without it, a post that may
be public could be cancelled here only, or fail as if it surely were not.
"""


def upgrade() -> None:
    op.add_column(
        "posts",
        bigint_column(
            "destination_id",
            nullable=True,
            comment="row of the account that is posted to, in the platform's table; NULL: the login",
        ),
    )
    op.add_column(
        "posts",
        column(
            "platform_post_ids",
            ARRAY(sa.Text()),
            default=EMPTY,
            comment="the platform's ids of the public post; several if it was made public again",
        ),
    )
    op.add_column(
        "posts",
        boolean_column(
            "is_upload_due",
            default="false",
            comment="whether the next step sends the bytes of a file: "
            "the uploads queue takes the post",
        ),
    )
    op.drop_constraint("ck_posts_kind", "posts")
    op.drop_constraint("ck_posts_source", "posts")
    op.drop_table("ig_containers")
    create_post_parts()
    op.execute(CARRY_PARTS_OVER)
    op.execute(MARK_UNANSWERED_STARTS)
    op.execute(MARK_POSTS_HANDED_OVER)
    op.drop_table("upload_sessions")


def create_post_parts() -> None:
    op.create_table(
        "post_parts",
        id_column(),
        bigint_column("post_id"),
        bigint_column("position", comment="0: what is published; 1 and up: the items of it"),
        text_column("role", comment="video, image, item, cover or collection"),
        bigint_column("media_id", nullable=True, comment="our file; NULL: url, or no file"),
        text_column("url", nullable=True, comment="where the platform fetches the file"),
        text_column("alt_text", nullable=True),
        json_column("options", default=EMPTY, comment="the platform's own fields of the item"),
        text_column("handle", nullable=True, comment="the platform's id of the part; NULL: none"),
        text_column("status", nullable=True, comment="the vendor's name of the part's status"),
        text_column("status_text", nullable=True),
        timestamp_column("made_at", nullable=True, comment="when the platform made the part"),
        timestamp_column("expires_at", nullable=True),
        bigint_column("next_offset", default="0", comment="bytes known to be received"),
        bigint_column("tries", default="0", comment="parts made at this position before this one"),
        text_column("upload_url_encrypted", nullable=True, comment="AES-256-GCM; NULL: none"),
        created_at(),
        updated_at(),
        primary_key("post_parts"),
        unique_constraint("post_parts", "post_id", "position"),
        foreign_key("post_parts", "post_id", "posts", "CASCADE"),
        foreign_key("post_parts", "media_id", "media", "SET NULL"),
        comment="Media items of posts, and what the platform has made of each",
    )
    create_index("idx_post_parts_media", "post_parts", "media_id", where="media_id IS NOT NULL")
    create_index("idx_post_parts_made", "post_parts", "made_at", where="made_at IS NOT NULL")
    op.execute(f"ALTER TABLE post_parts SET ({CHANGED})")
    create_updated_at_triggers("post_parts")


def downgrade() -> None:
    drop_tables("post_parts")
    create_ig_containers()
    create_upload_sessions()
    for name, values in (("kind", KINDS), ("source", SOURCES)):
        value_list = ", ".join(f"'{value}'" for value in values)
        op.create_check_constraint(op.f(f"ck_posts_{name}"), "posts", f"{name} IN ({value_list})")
    op.drop_column("posts", "is_upload_due")
    op.drop_column("posts", "platform_post_ids")
    op.drop_column("posts", "destination_id")


def create_ig_containers() -> None:
    op.create_table(
        "ig_containers",
        id_column(),
        bigint_column("post_id"),
        bigint_column("position", default="0"),
        text_column("container_id"),
        text_column("kind"),
        text_column("status"),
        text_column("status_text", nullable=True),
        timestamp_column("expires_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("ig_containers"),
        foreign_key("ig_containers", "post_id", "posts", "CASCADE"),
        comment="Media containers created to publish a post",
    )
    create_index("idx_ig_containers_post", "ig_containers", "post_id", "position")
    create_updated_at_triggers("ig_containers")


def create_upload_sessions() -> None:
    op.create_table(
        "upload_sessions",
        id_column(),
        bigint_column("post_id"),
        text_column(
            "upload_url_encrypted",
            nullable=True,
            comment="AES-256-GCM; NULL: the URL is no longer usable",
        ),
        timestamp_column("url_expires_at"),
        bigint_column("size", comment="size of the file in bytes"),
        text_column("sha256", nullable=True, comment="SHA-256 of the file when the upload started"),
        bigint_column("chunk_size"),
        bigint_column("total_chunk_count"),
        bigint_column(
            "next_offset",
            default="0",
            comment="bytes known to be received; the platform may have more",
        ),
        created_at(),
        updated_at(),
        primary_key("upload_sessions"),
        foreign_key("upload_sessions", "post_id", "posts", "CASCADE"),
        unique_constraint("upload_sessions", "post_id"),
        comment="One row per file upload to TikTok",
    )
    create_updated_at_triggers("upload_sessions")
