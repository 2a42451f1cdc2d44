"""A wish held against what the user has: account, permission, file, address. Becomes a post's row.

Only looks things up; nothing is written and nobody outside is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.errors import Failed, Invalid, NeedsReconnect, NotConnected, NotFound
from core.links import is_below
from core.media.films import unfit
from core.posts import unaudited
from core.posts.wish import Wish
from core.wiring import World
from db.accounts import Account, Accounts, AccountStatus
from db.media import Media, Medias
from db.posts import SentBy
from db.session import Session

TIKTOK = "tiktok"
SCOPES = {"INBOX": "video.upload", "DIRECT": "video.publish"}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The columns of a post that come from its wish."""

    user_id: int
    oauth_account_id: int
    kind: str
    source: str
    sent_by: SentBy
    title: str
    payload_json: Mapping[str, Any] = field(default_factory=dict)
    media_id: int | None = None
    bytes_total: int | None = None
    publish_at: datetime | None = None
    retry_of: int | None = None
    provider: str = TIKTOK

    @property
    def mode(self) -> str:
        return self.kind.partition("_")[0]


def drafted(session: Session, world: World, wish: Wish, *, user_id: int) -> Draft:
    """Errors: NotConnected, NeedsReconnect, NotFound, Invalid; Failed with a refusal's code."""
    account = chosen(session, wish.account_id, user_id=user_id)
    alive(account)
    permitted(account, wish.mode)
    audience(world, wish.mode, wish.privacy_level)
    verified(world, wish)
    media = None if wish.media_id is None else complete(session, wish.media_id, user_id=user_id)
    size = media.size if media else wish.video_size
    sized(world, size)
    if media:
        fitting(media)
    return Draft(
        user_id=user_id,
        oauth_account_id=account.id,
        kind=f"{wish.mode}_{wish.media_type}",
        source=wish.source,
        sent_by=wish.sent_by,
        title=wish.title,
        payload_json=payload(wish),
        media_id=wish.media_id,
        bytes_total=size,
        publish_at=wish.publish_at,
    )


def payload(wish: Wish) -> dict[str, Any]:
    fetched: dict[str, Any] = {"video_url": wish.video_url}
    if wish.photo_images:
        fetched = {"photo_images": wish.photo_images, "photo_cover_index": wish.photo_cover_index}
    return {**fetched, "settings": wish.settings}


def chosen(session: Session, account_id: int | None, *, user_id: int) -> Account:
    """The connected account that is meant.

    Errors: NotFound, NotConnected; Invalid `account_required` if several would do.
    """
    accounts = Accounts(session).of_user(user_id, TIKTOK)
    if account_id is not None:
        accounts = [account for account in accounts if account.id == account_id]
        if not accounts and Accounts(session).owned(account_id, user_id=user_id) is None:
            raise NotFound("no such account")
    if not accounts:
        raise NotConnected
    if len(accounts) > 1:
        fields = {"account_id": "is required: several accounts are connected"}
        raise Invalid("which account?", code="account_required", details={"fields": fields})
    return accounts[0]


def alive(account: Account) -> None:
    if account.status != AccountStatus.ACTIVE:
        raise NeedsReconnect(f"account {account.id}: {account.status_cause}")


def permitted(account: Account, mode: str) -> None:
    granted = {scope.strip() for scope in account.scope.split(",")}
    if SCOPES[mode] not in granted:
        missing = {"scopes": [SCOPES[mode]]}
        raise Failed("the account did not allow this", code="scope_not_authorized", details=missing)


def audience(world: World, mode: str, level: str | None) -> None:
    """Errors: Failed if this application may not post for that audience, whoever the creator is."""
    if unaudited.is_refused(world.settings.tiktok, mode=mode, level=level):
        only = {"privacy_level_options": [unaudited.ONLY], "account_must_be_private": True}
        raise Failed(
            "not audited yet: private accounts and SELF_ONLY", code=unaudited.REFUSED, details=only
        )


def verified(world: World, wish: Wish) -> None:
    prefixes = world.settings.tiktok.verified_urls
    if prefixes and not all(is_below(url, prefixes) for url in wish.addresses):
        raise Failed("TikTok has not verified this address", code="url_ownership_unverified")


def complete(session: Session, media_id: int, *, user_id: int) -> Media:
    media = Medias(session).owned(media_id, user_id=user_id)
    if media is None:
        raise NotFound("no such file")
    if media.completed_at is None:
        fields = {"media_id": "is not complete yet"}
        raise Invalid("the file is not complete", details={"fields": fields})
    return media


def sized(world: World, size: int | None) -> None:
    largest = world.settings.limits.tiktok_max_video_bytes
    if size is not None and size > largest:
        why = {"reason": "too_large", "largest": largest}
        raise Failed(f"more than {largest} bytes", code="invalid_file_upload", details=why)


def fitting(media: Media) -> None:
    reason = unfit(media.probe)
    if reason:
        raise Failed(
            f"TikTok would not take it: {reason}",
            code="invalid_file_upload",
            details={"reason": reason},
        )
