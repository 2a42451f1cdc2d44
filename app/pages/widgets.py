"""Fragments that any page can include and a script keeps fresh. Decides nothing."""

from typing import Any

from flask import Blueprint, render_template

from app.context import caller, house, page
from app.language import later
from app.pages.accounts import account, mine, with_quota
from core import accounts, insights, posts
from db.postlist import Stats, Wanted
from db.videos import NUMBERS

blueprint = Blueprint("widgets", __name__)

MANY, RECENT, FEW = 25, 8, 3
FIGURES = (
    ("total", later("all")),
    ("processing", later("under way")),
    ("inbox", later("in your inbox")),
    ("complete", later("published")),
    ("failed", later("failed")),
)
LIVELY, CALM = 3, 15  # seconds until the next look: while something moves, and while nothing does


@blueprint.get("/widgets/tiktok")
@page("posts:read", "accounts:read")
def tiktok() -> str:
    """How TikTok stands for me: account, figures, the last uploads."""
    return render_template("_widget.html", **card())


@blueprint.get("/platforms/tiktok")
@page("posts:read", "accounts:read")
def of_tiktok() -> str:
    """Everything of TikTok: accounts, what is left of their quotas, uploads."""
    database, world, user_id = house().database, house().world, caller().user_id
    shown = card()
    uploads = posts.listing(database, Wanted(provider="tiktok"), user_id=user_id, limit=MANY)
    lefts = [
        (one["name"], posts.left(database, world, user_id=user_id, account_id=one["id"]))
        for one in shown["accounts"]
        if not one["needs_reconnect"]
    ]
    return render_template(
        "account.html", **shown, lefts=lefts, uploads=[seen.post for seen in uploads.posts]
    )


@blueprint.get("/widgets/overview")
@page("posts:read", "accounts:read")
def overview() -> str:
    """The part of the first page that changes."""
    return render_template("_overview.html", **summary())


def card() -> dict[str, Any]:
    database, world, user_id = house().database, house().world, caller().user_id
    with database.transaction() as session:
        found = accounts.standing(session, world, user_id=user_id, provider="tiktok")
    counts = posts.stats(database, user_id=user_id)
    recent = posts.listing(database, Wanted(provider="tiktok"), user_id=user_id, limit=FEW)
    return {
        "accounts": [account(each) for each in found],
        "is_off": "tiktok" not in world.platforms,
        "counts": counts,
        "posts": [seen.post for seen in recent.posts],
        "sums": sums(),
        "next": pace(counts),
    }


def sums() -> dict[str, int | None] | None:
    """What TikTok counts of all my videos, for those who may see it; None where it told nothing."""
    if not caller().may(["insights:read"]):
        return None
    found = insights.sums(house().database, user_id=caller().user_id)
    return found if any(found[name] is not None for name in NUMBERS) else None


def summary() -> dict[str, Any]:
    """Accounts, posts by state, and what needs attention."""
    database, user_id = house().database, caller().user_id
    states = [each for each in mine() if each.accounts or each.configured]
    counts = posts.stats(database, user_id=user_id)
    recent = posts.listing(database, Wanted(), user_id=user_id, limit=RECENT)
    found = [each for state in states for each in state.accounts]
    return {
        "figures": [(label, getattr(counts, name)) for name, label in FIGURES],
        "accounts": [with_quota(each) for each in found if each.provider == "tiktok"],
        "ailing": [account(each) for each in found if each.needs_reconnect],
        "posts": [seen.post for seen in recent.posts],
        "sums": sums(),
        "next": pace(counts),
    }


def pace(counts: Stats) -> int:
    return LIVELY if counts.processing else CALM
