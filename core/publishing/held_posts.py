"""Releases or cancels all posts on hold that fit a filter, in batches of one transaction each.

Whoever is interrupted begins again with the same filter: what a batch has done is no longer on
hold. A post that refuses stays as it is, and stops none of the others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from core.bootstrap import Services
from core.errors import CoreError
from core.publishing.commands import cancel_or_prepare_call, cancel_post, release_locked_post
from db.posts.posts import Post
from db.publishing.held_posts import HeldFilter, HeldPosts
from db.session import Database, Session
from platforms.errors import PlatformError

BATCH_SIZE = 100
"""Each is locked for as long as its batch lasts, a fraction of a second."""


@dataclass
class HeldBatch:
    """What became of a batch. `handed_over`: the platform has these and has to be asked.

    Shapes: `refused`: id and error of each post that stays.
    """

    done: list[int] = field(default_factory=list)
    refused: list[tuple[int, CoreError | PlatformError]] = field(default_factory=list)
    handed_over: list[Post] = field(default_factory=list)


ChangeOne = Callable[[Session, Post, HeldBatch], None]


def release_held_posts(
    database: Database, services: Services, held_filter: HeldFilter
) -> Iterator[HeldBatch]:
    """Let them go out, now or at their time."""
    for batch in change_in_batches(database, held_filter, release_one):
        services.wake("posts")
        yield batch


def release_one(session: Session, post: Post, batch: HeldBatch) -> None:
    release_locked_post(session, post, is_by_operator=True)
    batch.done.append(post.id)


def cancel_held_posts(
    database: Database, services: Services, held_filter: HeldFilter
) -> Iterator[HeldBatch]:
    """Cancel them; the platform is asked about those that it has."""
    for batch in change_in_batches(database, held_filter, cancel_one):
        for post in batch.handed_over:
            try:
                cancel_post(database, services, post.id, user_id=post.user_id)
            except (CoreError, PlatformError) as error:
                batch.refused.append((post.id, error))
            else:
                batch.done.append(post.id)
        yield batch


def cancel_one(session: Session, post: Post, batch: HeldBatch) -> None:
    if cancel_or_prepare_call(session, post) is None:
        batch.done.append(post.id)
    else:
        batch.handed_over.append(post)


def change_in_batches(
    database: Database, held_filter: HeldFilter, change_one: ChangeOne
) -> Iterator[HeldBatch]:
    last_id = 0
    while True:
        with database.transaction() as session:
            posts = HeldPosts(session).lock_next(held_filter, after_id=last_id, limit=BATCH_SIZE)
            batch = change_posts(session, posts, change_one)
        if not posts:
            return
        last_id = posts[-1].id
        yield batch


def change_posts(session: Session, posts: Sequence[Post], change_one: ChangeOne) -> HeldBatch:
    """Change each of the locked posts; those that refuse do so before anything is changed."""
    batch = HeldBatch()
    for post in posts:
        try:
            change_one(session, post, batch)
        except (CoreError, PlatformError) as error:
            batch.refused.append((post.id, error))
    return batch
