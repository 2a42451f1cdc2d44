"""The parts of the posts of a batch, read in one query and kept until each post was handled."""

from collections.abc import Collection, Sequence

from db.posts.parts import PostPart, PostParts
from db.session import Session

PARTS_KEY = "post_parts"
"""Key in `Session.info` of the parts by post id."""


def preload_parts(session: Session, post_ids: Collection[int]) -> None:
    """Read the parts of a batch, for the present transaction."""
    session.info[PARTS_KEY] = PostParts(session).list_by_posts(post_ids)


def load_parts(session: Session, post_id: int) -> Sequence[PostPart]:
    """The parts of a post by position; each preloaded list is used once."""
    preloaded: dict[int, list[PostPart]] = session.info.get(PARTS_KEY, {})
    if post_id in preloaded:
        return preloaded.pop(post_id)
    return PostParts(session).list_by_post(post_id)
