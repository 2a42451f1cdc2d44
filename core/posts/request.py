"""Somebody asks for a post: written down first, then sent on its way, at once or later."""

from core.posts.answers import Answer
from core.posts.conclude import told
from core.posts.draft import drafted
from core.posts.idempotency import digest
from core.posts.idempotency import key as usable
from core.posts.place import Terms, place, replay
from core.posts.sound import sound
from core.posts.wish import Wish
from core.wiring import World
from db.session import Database


def request(
    database: Database,
    world: World,
    *,
    user_id: int,
    wish: Wish,
    idempotency_key: str | None = None,
    can_wait: bool = False,
) -> Answer:
    """Errors: Invalid; Conflict for a key used otherwise; NotConnected, NeedsReconnect, NotFound;
    QuotaExceeded, Limited; Failed with the platform's or our code; Away.
    """
    terms = Terms(
        said=digest(wish.model_dump(mode="json")),
        begun=world.now(),
        key=usable(idempotency_key),
        can_wait=can_wait,
    )
    with database.transaction() as session:
        known = replay(session, world, terms, user_id=user_id)
        if known is None:
            sound(wish, now=terms.begun, can_wait=can_wait)
            draft = drafted(session, world, wish, user_id=user_id)
    return place(database, world, draft, terms) if known is None else told(known)
