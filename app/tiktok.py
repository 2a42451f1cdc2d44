"""TikTok's own endpoints: ask for an upload, follow it, see what is left of the quota."""

from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import Field

from app import numbers, shapes
from app.body import Body, asks, ok, takes
from app.context import caller, house, needs
from app.replies import reply
from core import insights, posts
from core.errors import Invalid
from core.posts import Wish
from db.postlist import Wanted
from db.posts import STATES
from db.records import STATUSES

blueprint = Blueprint("tiktok", __name__)

LONGEST_ID = 255


class Account(Body):
    account_id: Annotated[int | None, Field(ge=1, lt=2**63)] = None


class Listed(Account):
    limit: Annotated[int, Field(ge=1, le=100)] = 5
    cursor: Annotated[int | None, Field(ge=1, lt=2**63)] = None
    status: Literal[(*STATUSES, *STATES)] | None = None  # type: ignore[valid-type]  # from two tables


@blueprint.post("/api/tiktok/upload")
@needs("posts:write")
@takes(Wish)
def upload(body: Wish) -> tuple[Response, int]:
    """A video to TikTok: bytes you send, a file you gave us before, or an address to fetch."""
    return reply(
        lambda: posts.request(
            house().database,
            house().world,
            user_id=caller().user_id,
            wish=body,
            idempotency_key=request.headers.get("Idempotency-Key"),
            can_wait=prefers_async(),
        )
    )


def prefers_async() -> bool:
    asked = request.headers.get("Prefer", "").split(",")
    return "respond-async" in {part.split(";")[0].strip().lower() for part in asked}


@blueprint.get("/api/tiktok/status/<publish_id>")
@needs("posts:read")
def status(publish_id: str) -> dict[str, Any]:
    """How a publication stands; asked of TikTok unless we heard of it a moment ago."""
    if len(publish_id) > LONGEST_ID or not publish_id.isprintable():
        raise Invalid("no publish_id", details={"fields": {"publish_id": "is none"}})
    who = caller().user_id
    seen = posts.status(house().database, house().world, publish_id, user_id=who)
    return ok(data=shapes.tiktok(seen))


@blueprint.get("/api/tiktok/posts")
@needs("posts:read")
@asks(Listed)
def listing(query: Listed) -> dict[str, Any]:
    """My TikTok posts, newest first, and how many there are of each kind."""
    wanted = Wanted(provider="tiktok", status=query.status, account_id=query.account_id)
    who, database = caller().user_id, house().database
    page = posts.listing(database, wanted, user_id=who, limit=query.limit, before=query.cursor)
    counts = posts.stats(database, user_id=who, account_id=query.account_id)
    known = statistics(page)
    return ok(
        posts=[{**shapes.tiktok(seen), **known.get(seen.post.id, {})} for seen in page.posts],
        stats=vars(counts),
        next_cursor=page.next_before and str(page.next_before),
    )


def statistics(page: posts.Page) -> dict[int, dict[str, Any]]:
    """What is added to each post: its numbers, for those who may see numbers."""
    if not caller().may(["insights:read"]):
        return {}
    shown = [(seen.post, seen.record) for seen in page.posts]
    found = insights.of_posts(house().database, shown, user_id=caller().user_id)
    return {post.id: {"statistics": numbers.statistics(found.get(post.id))} for post, _ in shown}


@blueprint.get("/api/tiktok/quota")
@needs("posts:read")
@asks(Account)
def quota(query: Account) -> dict[str, Any]:
    """What is left of drafts, of direct posts and of starts per minute."""
    left = posts.left(
        house().database, house().world, user_id=caller().user_id, account_id=query.account_id
    )
    return ok(
        quota=shapes.quota(left.drafts),
        direct=shapes.quota(left.direct),
        rate=shapes.rate(left.starts, left.now),
        **({} if left.users is None else {"users": shapes.quota(left.users)}),
    )


@blueprint.get("/api/tiktok/upload/<int:post_id>/progress")
@needs("posts:read")
def progress(post_id: int) -> dict[str, Any]:
    """How far the bytes of a post are."""
    post = posts.look(house().database, post_id, user_id=caller().user_id).post
    return ok(data=shapes.progress(post, posts.progress(post, now=house().world.now())))


@blueprint.get("/api/tiktok/creator-info")
@needs("posts:read")
@asks(Account)
def creator_info(query: Account) -> dict[str, Any]:
    """What the creator allows right now: ask at every form, and keep nothing of it."""
    creator = posts.creator_of(
        house().database, house().world, user_id=caller().user_id, account_id=query.account_id
    )
    return ok(data=shapes.creator(creator))
