"""One question about an account's numbers: which, with what token, and what came of it.

Values and the choice of what is asked next. Must not ask by itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.accounts.standing import FEATURES
from core.accounts.tokens import Access
from core.outcomes import Held
from core.wiring import World
from db.accounts import Account
from db.session import Session, now
from db.videos import Videos
from db.watches import Watch
from platforms.numbers import Insights

SCOPES = {
    provider: features["analytics"]
    for provider, features in FEATURES.items()
    if "analytics" in features
}
"""Without this one of its platform nobody is sampled."""

MOST = 20  # videos a question
GATHER = timedelta(minutes=2)  # what falls due so soon is asked for as well

OFF = "insights are off"


@dataclass(frozen=True)
class Job:
    step: str
    access: Access
    provider: str
    scopes: tuple[str, ...]
    cursor: int | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """`value` is what the platform said, in the shape of the step; None after a rest."""

    job: Job
    value: Any
    dice: float


@dataclass(frozen=True)
class Denied:
    """The platform does not let us ask this, whatever it said when the account was connected."""

    job: Job
    code: str


@dataclass(frozen=True)
class NoToken:
    access: Access


def question(session: Session, watch: Watch, account: Account, used: Access) -> Job:
    """What is due of this account; a step called `rest` if nothing is."""
    at = now(session)
    step = due(session, watch, at)
    ids: tuple[str, ...] = ()
    if step == "counting":
        ids = tuple(Videos(session).due(account.id, until=at + GATHER, limit=MOST))
    scopes = tuple(scope.strip() for scope in account.scope.split(","))
    return Job(step, used, account.provider, scopes, watch.list_cursor, ids)


def due(session: Session, watch: Watch, at: datetime) -> str:
    """New videos first: a page of the list has their numbers as well."""
    times = {
        "listing": watch.list_due_at,
        "counting": Videos(session).next_due(watch.oauth_account_id),
        "totals": watch.totals_due_at,
    }
    return next((step for step, time in times.items() if time is not None and time <= at), "rest")


def enabled(world: World) -> dict[str, bool]:
    """Provider → whether this installation wants its numbers."""
    return {"tiktok": world.settings.tiktok.insights}


def source(world: World, provider: str) -> Insights:
    """Errors: Held while numbers of this platform are switched off."""
    platform = world.platforms.get(provider)
    if platform is None or platform.insights is None or not enabled(world).get(provider):
        raise Held(OFF)
    return platform.insights
