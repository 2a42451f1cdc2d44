"""Resolves an upload request to the columns of a new post: account, granted scope, audience, URLs
and media file. Read-only, and calls no platform.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.bootstrap import Services
from core.errors import Invalid, NeedsReconnect, NotConnected, NotFound, OperationFailed
from core.media.rule_check import find_violation
from core.publishing.quota import PRIVATE_LEVEL, UNAUDITED_CODE, is_audience_refused
from core.publishing.request_schema import UploadRequest
from platforms.url_rules import is_under_any_prefix
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.media.files import Media, MediaFiles
from db.posts.posts import SentBy, mode_of_kind
from db.session import Session
from platforms.registry import PLATFORMS

TIKTOK = "tiktok"
REQUIRED_SCOPES = {"INBOX": "video.upload", "DIRECT": "video.publish"}


@dataclass(frozen=True, kw_only=True)
class NewPost:
    """The columns of a post that come from its request."""

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
        return mode_of_kind(self.kind)


def resolve_request(
    session: Session, services: Services, request: UploadRequest, *, user_id: int
) -> NewPost:
    """Check the request against the user's account and files.

    Errors: NotConnected, NeedsReconnect, NotFound, Invalid; OperationFailed with the code that the
    platform would refuse it with.
    """
    account = select_account(session, request.account_id, user_id=user_id)
    check_account_active(account)
    check_scope(account, request.mode)
    check_audience(services, request.mode, request.privacy_level)
    check_verified_urls(services, request)
    size, media = request.video_size, None
    if request.media_id is not None:
        media = load_complete_media(session, request.media_id, user_id=user_id)
        size = media.size
    check_video_size(services, size)
    if media is not None:
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
    """The connected account with this id, or the user's only one.

    Errors: NotFound, NotConnected; Invalid `account_required` if there are several.
    """
    accounts = Accounts(session).list_for_user(user_id, TIKTOK)
    if account_id is not None:
        accounts = [account for account in accounts if account.id == account_id]
        if not accounts and Accounts(session).get_for_user(account_id, user_id=user_id) is None:
            raise NotFound(f"no account {account_id} of this user")
    if not accounts:
        raise NotConnected
    if len(accounts) > 1:
        fields = {"account_id": "is required: several accounts are connected"}
        raise Invalid(
            "several accounts are connected: name one in account_id",
            code="account_required",
            details={"fields": fields},
        )
    return accounts[0]


def check_account_active(account: Account) -> None:
    """Errors: NeedsReconnect."""
    if account.status != AccountStatus.ACTIVE:
        raise NeedsReconnect(
            f"account {account.id} must be connected again: {account.status_cause}"
        )


def check_scope(account: Account, mode: str) -> None:
    granted_scopes = {scope.strip() for scope in account.scope.split(",")}
    if REQUIRED_SCOPES[mode] not in granted_scopes:
        required_scope = REQUIRED_SCOPES[mode]
        raise OperationFailed(
            f"the creator did not grant the scope {required_scope}; connect the account again",
            code="scope_not_authorized",
            details={"scopes": [required_scope]},
        )


def check_audience(services: Services, mode: str, level: str | None) -> None:
    """Errors: OperationFailed if this application may not use that privacy level at all."""
    if is_audience_refused(services.settings.of_platform("tiktok"), mode=mode, level=level):
        details = {"privacy_level_options": [PRIVATE_LEVEL], "account_must_be_private": True}
        raise OperationFailed(
            "TikTok has not audited this application: only SELF_ONLY posts of private accounts",
            code=UNAUDITED_CODE,
            details=details,
        )


def check_verified_urls(services: Services, request: UploadRequest) -> None:
    prefixes = services.settings.of_platform("tiktok").verified_urls
    if prefixes and not all(is_under_any_prefix(url, prefixes) for url in request.source_urls):
        raise OperationFailed(
            "the URL is under none of the prefixes in TIKTOK_VERIFIED_URLS",
            code="url_ownership_unverified",
        )


def load_complete_media(session: Session, media_id: int, *, user_id: int) -> Media:
    media = MediaFiles(session).get_for_user(media_id, user_id=user_id)
    if media is None:
        raise NotFound(f"no media file {media_id} of this user")
    if media.completed_at is None:
        fields = {"media_id": "names a file that is not uploaded completely"}
        raise Invalid("the media file is not uploaded completely", details={"fields": fields})
    return media


def check_video_size(services: Services, size: int | None) -> None:
    max_bytes = services.settings.of_platform("tiktok").max_video_bytes
    if size is not None and size > max_bytes:
        details = {"reason": "too_large", "largest": max_bytes}
        raise OperationFailed(
            f"the video has more than {max_bytes} bytes",
            code="invalid_file_upload",
            details=details,
        )


def check_video_format(media: Media) -> None:
    violation = find_violation(PLATFORMS[TIKTOK].media_rules["video"], media.probe)
    if violation:
        raise OperationFailed(
            f"TikTok does not accept this video: {violation.code}",
            code="invalid_file_upload",
            details={"reason": violation.code},
        )
