"""A person has a post sent again, as a new post, or lets a held one go. Never done by ourselves."""

from core import audit
from core.errors import Conflict, NotConnected, NotFound
from core.ledger.settle import State
from core.posts.answers import Answer
from core.posts.conclude import told
from core.posts.draft import Draft, alive, audience, complete, fitting
from core.posts.idempotency import digest
from core.posts.idempotency import key as usable
from core.posts.place import Terms, place, replay
from core.wiring import World
from db.accounts import Accounts
from db.posts import Post, Posts, SentBy
from db.session import Database, Session
from db.timeline import PostEvents

ENDED_BADLY = frozenset({State.FAILED, State.CANCELLED})


def retry(
    database: Database,
    world: World,
    post_id: int,
    *,
    user_id: int,
    confirm: bool = False,
    idempotency_key: str | None = None,
) -> Answer:
    """The answer of the new post. `confirm`: the person knows that both may come out.

    Errors: NotFound; Conflict unless the post has ended badly, or its end is unknown and that is
    confirmed; as `request`.
    """
    terms = Terms(
        said=digest({"retry_of": post_id, "confirm": confirm}),
        begun=world.now(),
        key=usable(idempotency_key),
        can_wait=True,
    )
    with database.transaction() as session:
        old = owned(session, post_id, user_id=user_id)
        known = replay(session, world, terms, user_id=user_id)
        if known is None:
            repeatable(old, confirm=confirm)
            draft = redrafted(session, old)
            audience(world, draft.mode, old.payload_json.get("settings", {}).get("privacy_level"))
    if known is not None:
        return told(known)
    if draft.sent_by == SentBy.CALLER:  # who has to wait for the address to send to
        terms = Terms(said=terms.said, begun=terms.begun, key=terms.key)
    return place(database, world, draft, terms)


def owned(session: Session, post_id: int, *, user_id: int) -> Post:
    post = Posts(session).owned(post_id, user_id=user_id)
    if post is None:
        raise NotFound("no such post")
    return post


def repeatable(post: Post, *, confirm: bool) -> None:
    if post.state in ENDED_BADLY or (post.state == State.UNCONFIRMED and confirm):
        return
    details = {"state": post.state, "confirmable": post.state == State.UNCONFIRMED}
    raise Conflict(f"a post that is {post.state} is not repeated", details=details)


def redrafted(session: Session, old: Post) -> Draft:
    """What was wished then, held against what is there now. Errors: as `drafted`."""
    account = Accounts(session).get(old.oauth_account_id)
    if account is None or account.disconnected_at is not None:
        raise NotConnected
    alive(account)
    if old.sent_by == SentBy.SIGNALPOST:
        fitting(complete(session, old.media_id or 0, user_id=old.user_id))
    return Draft(
        user_id=old.user_id,
        oauth_account_id=account.id,
        kind=old.kind,
        source=old.source,
        sent_by=SentBy(old.sent_by),
        title=old.title,
        payload_json=old.payload_json,
        media_id=old.media_id,
        bytes_total=old.bytes_total,
        retry_of=old.id,
        provider=old.provider,
    )


def release(database: Database, world: World, post_id: int, *, user_id: int) -> Post:
    """A held post goes at once, or at its time. Errors: NotFound, Conflict, NeedsReconnect."""
    with database.transaction() as session:
        post = Posts(session).locked(post_id, user_id=user_id)
        if post is None:
            raise NotFound("no such post")
        if post.hold_reason is None:
            raise Conflict("the post is not held", details={"state": post.state})
        account = Accounts(session).get(post.oauth_account_id)
        if account is None or account.disconnected_at is not None:
            raise NotConnected
        alive(account)
        PostEvents(session).add(post, "released", note=post.hold_reason)
        post.hold_reason, post.due_at = None, Posts.due(post.publish_at)
        audit.note(session, "post.released", user_id=post.user_id, subject=f"post:{post.id}")
        session.flush()
        session.refresh(post)
    world.ring("posts")
    return post
