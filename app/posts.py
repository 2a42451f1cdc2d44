"""Posts of any platform: looked at, listed, taken back, sent again, let go."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from pydantic import AwareDatetime, Field

from app import shapes
from app.body import Body, asks, ok, takes
from app.context import caller, house, needs
from app.replies import reply
from core import posts
from db.base import PROVIDERS
from db.postlist import Wanted
from db.posts import STATES

blueprint = Blueprint("posts", __name__)

RowId = Annotated[int | None, Field(ge=1, lt=2**63)]


class Listed(Body):
    platform: Literal[PROVIDERS] | None = None  # type: ignore[valid-type]  # from a table
    state: Literal[STATES] | None = None  # type: ignore[valid-type]  # from a table
    account_id: RowId = None
    since: Annotated[AwareDatetime | None, Field(alias="from")] = None
    until: Annotated[AwareDatetime | None, Field(alias="to")] = None
    q: Annotated[str | None, Field(max_length=200)] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: RowId = None


class After(Body):
    after: Annotated[int, Field(ge=0, lt=2**63)] = 0


class Nothing(Body):
    """No fields at all."""


class Confirmed(Body):
    confirm: Annotated[bool, Field(strict=True)] = False


@blueprint.get("/api/posts")
@needs("posts:read")
@asks(Listed)
def listing(query: Listed) -> dict[str, Any]:
    """My posts, the newest first."""
    wanted = Wanted(
        provider=query.platform,
        state=query.state,
        account_id=query.account_id,
        since=query.since,
        until=query.until,
        text=query.q,
    )
    page = posts.listing(
        house().database, wanted, user_id=caller().user_id, limit=query.limit, before=query.cursor
    )
    return ok(
        data=[shapes.post(seen, reasons(seen)) for seen in page.posts],
        next_cursor=page.next_before and str(page.next_before),
    )


@blueprint.get("/api/posts/<int:post_id>")
@needs("posts:read")
def one(post_id: int) -> dict[str, Any]:
    """A post of mine with its timeline."""
    return ok(data=shown(post_id))


@blueprint.get("/api/posts/<int:post_id>/events")
@needs("posts:read")
@asks(After)
def events(post_id: int, query: After) -> dict[str, Any]:
    """The timeline alone, from a line on."""
    lines = posts.timeline(house().database, post_id, user_id=caller().user_id, after=query.after)
    return ok(events=[shapes.event(line) for line in lines])


@blueprint.post("/api/posts/<int:post_id>/cancel")
@needs("posts:write")
@takes(Nothing)
def cancel(post_id: int, body: Nothing) -> dict[str, Any]:  # noqa: ARG001 - nothing may be said
    """Take a post back, as far as it can be."""
    posts.cancel(house().database, house().world, post_id, user_id=caller().user_id)
    return ok(data=shown(post_id))


@blueprint.post("/api/posts/<int:post_id>/retry")
@needs("posts:write")
@takes(Confirmed)
def retry(post_id: int, body: Confirmed) -> tuple[Response, int]:
    """Send it again, as a new post."""
    return reply(
        lambda: posts.retry(
            house().database,
            house().world,
            post_id,
            user_id=caller().user_id,
            confirm=body.confirm,
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
    )


@blueprint.post("/api/posts/<int:post_id>/release")
@needs("posts:write")
@takes(Nothing)
def release(post_id: int, body: Nothing) -> tuple[dict[str, Any], int]:  # noqa: ARG001 - as above
    """Let a held post go."""
    posts.release(house().database, house().world, post_id, user_id=caller().user_id)
    return ok(data=shown(post_id)), 202


def shown(post_id: int) -> dict[str, Any]:
    seen = posts.look(house().database, post_id, user_id=caller().user_id)
    return shapes.post(seen, reasons(seen), events=True)


def reasons(seen: posts.Seen) -> Mapping[str, Any]:
    """The platform's own sentences about failures, while it is switched on."""
    platform = house().world.platforms.get(seen.post.provider)
    return platform.reasons if platform else {}
