"""What a platform says about a comment, as it is stored: by a reading or by an event."""

from datetime import datetime

from db.comments.comments import NewComment
from platforms.comments import PlatformComment


def to_new_comment(comment: PlatformComment, item_row_id: int, *, seen_at: datetime) -> NewComment:
    """Return the comment as it is stored. `item_row_id` is the row of its post."""
    return NewComment(
        item_row_id=item_row_id,
        comment_id=comment.id,
        seen_at=seen_at,
        parent_id=comment.parent_id,
        author_id=comment.author_id,
        author_name=comment.author_name,
        text=comment.text,
        written_at=comment.written_at,
        is_hidden=comment.is_hidden,
        like_count=comment.like_count,
        is_own=comment.is_own,
    )
