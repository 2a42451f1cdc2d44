"""Numbers of videos and accounts: the latest ones, and how they came to be. Decides nothing."""

from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import AwareDatetime, Field

from app import numbers
from app.body import Body, asks, ok
from app.context import caller, house, needs
from app.workers import works
from core import insights
from core.insights.asked import Asked, answer
from core.instant import instant

blueprint = Blueprint("insights", __name__)

RowId = Annotated[int | None, Field(ge=1, lt=2**63)]
STEPS = tuple(insights.STEPS)


class Listed(Body):
    account_id: RowId = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: RowId = None


class Wanted(Body):
    account_id: RowId = None
    post_id: RowId = None
    video_id: Annotated[str | None, Field(min_length=1, max_length=255)] = None
    metric: Annotated[str | None, Field(max_length=50)] = None
    since: Annotated[AwareDatetime | None, Field(alias="from")] = None
    until: Annotated[AwareDatetime | None, Field(alias="to")] = None
    step: Literal[STEPS] | None = None  # type: ignore[valid-type]  # from a table
    limit: Annotated[int, Field(ge=1, le=1000)] = 500
    cursor: AwareDatetime | None = None


@blueprint.get("/api/tiktok/videos")
@needs("insights:read")
@asks(Listed)
def videos(query: Listed) -> dict[str, Any]:
    """The public videos of my accounts with their latest numbers, the newest first."""
    page = insights.videos(
        house().database,
        user_id=caller().user_id,
        account_id=query.account_id,
        limit=query.limit,
        before=query.cursor,
    )
    return ok(
        data=[numbers.video(each, page.posts) for each in page.videos],
        next_cursor=page.next_before and str(page.next_before),
    )


@blueprint.get("/api/tiktok/insights")
@needs("insights:read")
@asks(Wanted)
def history(query: Wanted) -> dict[str, Any]:
    """Numbers of an account, a post or a video of mine: the latest, and over time."""
    given = query.model_dump(exclude={"cursor"})
    asked = Asked(**given, after=query.cursor)
    found = answer(house().database, house().world, asked, user_id=caller().user_id)
    after = found.series.next_after
    return ok(data=numbers.history(found), next_cursor=after and instant(after))


@blueprint.post("/api/workers/tiktok-insights")
@works
def sample() -> dict[str, Any]:
    """Ask for the numbers that are due here and now."""
    swept = insights.sample(house().database, house().world)
    faults = [{"accountId": fault.account_id, "error": fault.code} for fault in swept.faults]
    counts = {"total": swept.total, "answered": swept.answered, "failed": len(faults)}
    return ok(
        message=f"{swept.answered} of {swept.total} questions answered",
        timestamp=house().world.now(),
        result={**counts, "skipped": swept.skipped, "errors": faults},
    )


@blueprint.get("/api/workers/tiktok-insights")
def describe() -> dict[str, str]:
    """What this worker is."""
    about = "POST with the workers' secret to sample the numbers that are due"
    return {"status": "ok", "worker": "tiktok-insights", "message": about}
