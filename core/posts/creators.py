"""What a creator allows right now, asked before every direct post: never kept, never guessed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.accounts.tokens import Access, fresh
from core.errors import Limited
from core.outcomes import Throttled
from core.posts import unaudited
from core.wiring import World
from db.accounts import Account
from db.session import Database
from platforms.base import Order
from platforms.errors import RateLimited, Rejected, TokenExpired

CREATOR = "creator"  # the class of calls that the platform counts together


@dataclass(frozen=True)
class Creator:
    nickname: str | None
    username: str | None
    avatar_url: str | None
    privacy_levels: tuple[str, ...]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool
    longest: float | None  # seconds
    is_private: bool  # the account: one that is public offers its posts to everyone
    audited: bool = True  # this application, by its platform

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Creator":
        """TikTok's answer, of which any field may be missing."""
        levels = tuple(said.get("privacy_level_options") or ())
        return cls(
            nickname=said.get("creator_nickname"),
            username=said.get("creator_username"),
            avatar_url=said.get("creator_avatar_url"),
            privacy_levels=levels,
            comment_disabled=bool(said.get("comment_disabled")),
            duet_disabled=bool(said.get("duet_disabled")),
            stitch_disabled=bool(said.get("stitch_disabled")),
            longest=said.get("max_video_post_duration_sec"),
            is_private="PUBLIC_TO_EVERYONE" not in levels,
        )


def agree(
    used: Access, provider: str, order: Order, world: World, *, seconds: float | None
) -> None:
    """A direct post must be one of those that its creator may make; a draft is the creator's.

    Errors: Rejected `privacy_level_option_mismatch`, `duration_check_failed`; what asking raises.
    """
    if not order.kind.startswith("DIRECT"):
        return
    level = order.settings.get("privacy_level")
    if unaudited.is_refused(world.settings.tiktok, mode="DIRECT", level=level):
        raise Rejected("not audited yet: SELF_ONLY alone", code=unaudited.REFUSED)
    creator = ask(used, provider, world)
    if level not in creator.privacy_levels:
        raise Rejected("the creator has no such audience", code="privacy_level_option_mismatch")
    if seconds is not None and creator.longest is not None and seconds > creator.longest:
        raise Rejected(f"longer than {creator.longest} s", code="duration_check_failed")


def ask(used: Access, provider: str, world: World) -> Creator:
    """Errors: Later within the platform's limit of such questions; PlatformError."""
    wait = world.limits.take(used.account_id, CREATOR)
    if wait:
        raise Throttled(wait, "creator limit of the platform")
    try:
        return Creator.read(world.platform(provider).publisher.creator(used.open(world)))
    except RateLimited as error:
        world.limits.block(used.account_id, CREATOR, error.retry_after)
        raise


def creator(database: Database, world: World, account: Account) -> Creator:
    """For a form that is about to be shown.

    Errors: NeedsReconnect, NotConnected, Away; Limited; PlatformError.
    """
    used = fresh(database, world, account.id)
    try:
        return shown(ask(used, account.provider, world), world)
    except TokenExpired:
        again = fresh(database, world, account.id, refused=used)
        return shown(ask(again, account.provider, world), world)
    except Throttled as later:
        raise Limited(str(later), retry_after=later.wait) from None


def shown(found: Creator, world: World) -> Creator:
    """With those audiences alone that this application may use."""
    tiktok = world.settings.tiktok
    levels = unaudited.offered(tiktok, found.privacy_levels)
    return replace(found, privacy_levels=levels, audited=tiktok.app_audited)
