"""A page of the list of public videos: new ones are found, and its numbers are kept.

The first look reads the list to its end, a page a claim; later ones end where nothing is new.
"""

from datetime import datetime

from core.insights.question import Job, Told
from core.insights.rhythm import sampled_after
from core.insights.seen import seen
from db.accounts import Account
from db.session import Session, now
from db.videos import Videos
from db.watches import Watch, Watches
from platforms.numbers import Insights, Page
from platforms.secret import Secret


def ask(insights: Insights, token: Secret, job: Job) -> Page:
    return insights.listing(token, job.scopes, cursor=job.cursor)


def record(session: Session, watch: Watch, account: Account, told: Told) -> None:
    page: Page = told.value
    fresh = seen(session, account, page.videos, dice=told.dice)
    at = now(session)
    if told.job.cursor is None:
        watch.listed_at = at
    if goes_on(page, told.job.cursor) and (fresh or not watch.is_whole):
        watch.list_cursor, watch.list_due_at = page.cursor, at
        return
    watch.list_cursor, watch.is_whole = None, True
    watch.list_due_at = at + sampled_after(at - youngest(session, watch), dice=told.dice)


def goes_on(page: Page, asked: int | None) -> bool:
    """A platform that sends us where we are already would keep us there for ever."""
    return page.cursor is not None and (asked is None or page.cursor < asked)


def youngest(session: Session, watch: Watch) -> datetime:
    """When anything last appeared here: of what we published the platform may be slow to tell."""
    known = (
        Videos(session).newest(watch.oauth_account_id),
        Watches(session).last_publication(watch.oauth_account_id),
    )
    return max((time for time in known if time is not None), default=watch.created_at)
