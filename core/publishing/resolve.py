"""A wish held against what the user has: account, permission, file, address. Becomes a post's row.

Only looks things up; nothing is written and nobody outside is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.bootstrap import Services
from core.errors import Invalid, NeedsReconnect, NotConnected, NotFound, OperationFailed
from core.media.video_rules import find_violation
from core.publishing import quota
from core.publishing.request_schema import UploadRequest
from core.url_rules import is_under_any_prefix
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.media.files import Media, MediaFiles
from db.posts.posts import SentBy
from db.session import Session

TIKTOK = "tiktok"
REQUIRED_SCOPES = {"INBOX": "video.upload", "DIRECT": "video.publish"}


@dataclass(frozen=True, kw_only=True)
class NewPost:
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


def resolve_request(
    session: Session, services: Services, request: UploadRequest, *, user_id: int
) -> NewPost:
    """Errors: NotConnected, NeedsReconnect, NotFound, Invalid; Failed with a refusal's code."""
    account = select_account(session, request.account_id, user_id=user_id)
    check_account_active(account)
    check_scope(account, request.mode)
    check_audience(services, request.mode, request.privacy_level)
    check_verified_urls(services, request)
    media = (
        None
        if request.media_id is None
        else load_complete_media(session, request.media_id, user_id=user_id)
    )
    size = media.size if media else request.video_size
    check_video_size(services, size)
    if media:
        check_video_format(media)
    return NewPost(
        user_id=user_id,
        oauth_account_id=account.id,
        kind=f"{request.mode}_{request.media_type}",
        source=request.source,
        sent_by=request.sent_by,
        title=request.title,
        payload_json=build_payload(request),
        media_id=request.media_id,
        bytes_total=size,
        publish_at=request.publish_at,
    )


def build_payload(request: UploadRequest) -> dict[str, Any]:
    source_fields: dict[str, Any] = {"video_url": request.video_url}
    if request.photo_images:
        source_fields = {
            "photo_images": request.photo_images,
            "photo_cover_index": request.photo_cover_index,
        }
    return {**source_fields, "settings": request.settings}


def select_account(session: Session, account_id: int | None, *, user_id: int) -> Account:
    """The connected account that is meant.

    Errors: NotFound, NotConnected; Invalid `account_required` if several would do.
    """
    accounts = Accounts(session).list_for_user(user_id, TIKTOK)
    if account_id is not None:
        accounts = [account for account in accounts if account.id == account_id]
        if not accounts and Accounts(session).get_for_user(account_id, user_id=user_id) is None:
            raise NotFound("no such account")
    if not accounts:
        raise NotConnected
    if len(accounts) > 1:
        fields = {"account_id": "is required: several accounts are connected"}
        raise Invalid("which account?", code="account_required", details={"fields": fields})
    return accounts[0]


def check_account_active(account: Account) -> None:
    if account.status != AccountStatus.ACTIVE:
        raise NeedsReconnect(f"account {account.id}: {account.status_cause}")


def check_scope(account: Account, mode: str) -> None:
    granted_scopes = {scope.strip() for scope in account.scope.split(",")}
    if REQUIRED_SCOPES[mode] not in granted_scopes:
        missing = {"scopes": [REQUIRED_SCOPES[mode]]}
        raise OperationFailed(
            "the account did not allow this", code="scope_not_authorized", details=missing
        )


def check_audience(services: Services, mode: str, level: str | None) -> None:
    """Errors: Failed if this application may not post for that audience, whoever the creator is."""
    if quota.is_audience_refused(services.settings.tiktok, mode=mode, level=level):
        details = {"privacy_level_options": [quota.PRIVATE_LEVEL], "account_must_be_private": True}
        raise OperationFailed(
            "not audited yet: private accounts and SELF_ONLY",
            code=quota.UNAUDITED_CODE,
            details=details,
        )


def check_verified_urls(services: Services, request: UploadRequest) -> None:
    prefixes = services.settings.tiktok.verified_urls
    if prefixes and not all(is_under_any_prefix(url, prefixes) for url in request.source_urls):
        raise OperationFailed(
            "TikTok has not verified this address", code="url_ownership_unverified"
        )


def load_complete_media(session: Session, media_id: int, *, user_id: int) -> Media:
    media = MediaFiles(session).get_for_user(media_id, user_id=user_id)
    if media is None:
        raise NotFound("no such file")
    if media.completed_at is None:
        fields = {"media_id": "is not complete yet"}
        raise Invalid("the file is not complete", details={"fields": fields})
    return media


def check_video_size(services: Services, size: int | None) -> None:
    max_bytes = services.settings.limits.tiktok_max_video_bytes
    if size is not None and size > max_bytes:
        details = {"reason": "too_large", "largest": max_bytes}
        raise OperationFailed(
            f"more than {max_bytes} bytes", code="invalid_file_upload", details=details
        )


def check_video_format(media: Media) -> None:
    reason = find_violation(media.probe)
    if reason:
        raise OperationFailed(
            f"TikTok would not take it: {reason}",
            code="invalid_file_upload",
            details={"reason": reason},
        )
