"""Resolves a request for a post to the columns of a new row: the account and its scopes, the files
and the platform's rules about them. Read-only, and calls no platform.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from core.accounts.view import find_rules
from core.bootstrap import Services
from core.errors import Invalid, NotFound, OperationFailed
from core.media.rule_check import describe_violation, find_slot_violation
from core.media.uploads import read_max_bytes
from core.publishing.post_checks import CheckedItem, CheckedRequest, check_request, pick_rules
from core.publishing.post_request import MediaRequest, PostRequest
from core.publishing.targets import PostTarget, find_provider, select_target
from db.accounts.accounts import Account
from db.media.files import Media, MediaFiles
from db.posts.parts import PostPart
from db.posts.posts import Post, SentBy
from db.session import Session
from platforms.media_rules import MediaViolation
from platforms.platform import Platform
from platforms.publishing import Capability, PostKind
from platforms.registry import PLATFORMS

OPTIONS_KEY = "options"
"""Key in `posts.payload_json`: the platform's own fields of a post, unless it stores others."""

SETTINGS_KEY = "settings"
"""Key in `posts.payload_json` of rows whose platform stores its own fields under it."""

SOURCES = {SentBy.PLATFORM: "PULL_FROM_URL"}
OWN_SOURCE = "FILE_UPLOAD"
MEDIA_REFUSED = "invalid_file_upload"


@dataclass(frozen=True, kw_only=True)
class NewPart:
    """The columns of a media item that come from the request."""

    position: int
    role: str
    media_id: int | None = None
    url: str | None = None
    alt_text: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NewPost:
    """The columns of a post that come from its request, and its media items.

    A platform that stores its own fields has no items: its post has at most one file of ours.
    """

    user_id: int
    provider: str
    oauth_account_id: int
    kind: str
    source: str
    sent_by: SentBy
    title: str
    destination_id: int | None = None
    payload_json: Mapping[str, Any] = field(default_factory=dict)
    media_id: int | None = None
    bytes_total: int | None = None
    publish_at: datetime | None = None
    retry_of: int | None = None
    group_id: UUID | None = None
    parts: tuple[NewPart, ...] = ()

    @property
    def post_kind(self) -> PostKind:
        return PLATFORMS[self.provider].kinds[self.kind]

    @property
    def media_ids(self) -> list[int]:
        """The files of ours that the post needs."""
        ids = {part.media_id for part in self.parts} | {self.media_id}
        return sorted(media_id for media_id in ids if media_id is not None)

    @property
    def columns(self) -> dict[str, Any]:
        names = [each.name for each in fields(self) if each.name != "parts"]
        return {name: getattr(self, name) for name in names}


def resolve_request(
    session: Session,
    services: Services,
    request: PostRequest,
    *,
    user_id: int,
    now: datetime,
    may_queue: bool,
    problems: Mapping[str, str],
) -> NewPost:
    """Check the request against the platform's rules, the user's account and files.

    `problems` of its fields were found before.
    Errors: NotConnected, NeedsReconnect, NotFound, Invalid; OperationFailed with the code that the
    platform would refuse it with.
    """
    provider = find_provider(session, request, user_id=user_id)
    platform, settings = PLATFORMS[provider], services.settings.of_platform(provider)
    checked = check_request(
        request,
        platform,
        settings,
        now=now,
        may_queue=may_queue,
        media_types=load_media_types(session, request, user_id=user_id),
        problems=problems,
    )
    target = select_target(
        session,
        provider,
        user_id=user_id,
        account_id=request.account_id,
        destination_id=request.destination_id,
    )
    check_scopes(services, target.account, checked.kind.capability)
    check_settings(services, platform, checked.fields)
    files = [load_item_file(session, item, user_id=user_id) for item in checked.items]
    for index, (item, file) in enumerate(zip(checked.items, files, strict=True)):
        check_file(item, file, platform, settings, index=index)
    return build_new_post(checked, target, files, user_id=user_id)


def load_media_types(session: Session, request: PostRequest, *, user_id: int) -> dict[int, str]:
    """Load the content types of our files where the kind of post or a role depends on them."""
    if request.kind is not None and len(request.media) <= 1:
        return {}
    ids = [item.media_id for item in request.media if item.media_id is not None]
    rows = (MediaFiles(session).get_for_user(media_id, user_id=user_id) for media_id in ids)
    return {row.id: row.content_type for row in rows if row is not None}


def check_scopes(services: Services, account: Account, capability: Capability) -> None:
    """Errors: OperationFailed if the account did not grant what the capability needs."""
    rules = find_rules(services, account)
    required = frozenset[str]() if rules is None else rules.scopes.get(capability, frozenset())
    granted = {scope.strip() for scope in account.scope.split(",")}
    missing = sorted(required - granted)
    if missing:
        raise OperationFailed(
            f"the creator did not grant the scope {', '.join(missing)}; connect the account again",
            code="scope_not_authorized",
            details={"scopes": missing},
        )


def check_settings(
    services: Services, platform: Platform, request_fields: Mapping[str, Any]
) -> None:
    """Errors: OperationFailed if the settings of this installation forbid the post."""
    if platform.find_refusal is None:
        return
    settings = services.settings.of_platform(platform.name)
    refusal = platform.find_refusal(request_fields, settings)
    if refusal is not None:
        raise OperationFailed(refusal.message, code=refusal.code, details=refusal.details)


def load_item_file(session: Session, item: CheckedItem, *, user_id: int) -> Media | None:
    media_id = item.request.media_id
    return None if media_id is None else load_complete_media(session, media_id, user_id=user_id)


def load_complete_media(session: Session, media_id: int, *, user_id: int) -> Media:
    media = MediaFiles(session).get_for_user(media_id, user_id=user_id)
    if media is None:
        raise NotFound(f"no media file {media_id} of this user")
    if media.completed_at is None:
        fields = {"media_id": "names a file that is not uploaded completely"}
        raise Invalid("the media file is not uploaded completely", details={"fields": fields})
    return media


def check_file(
    item: CheckedItem, file: Media | None, platform: Platform, settings: Any, *, index: int
) -> None:
    """Errors: OperationFailed if no rule of its slot allows the file."""
    size = item.request.size if file is None else file.size
    if size is None:
        return
    rules = [
        replace(rule, max_bytes=read_max_bytes(rule, settings))
        for rule in pick_rules(item, platform)
    ]
    details: dict[str, Any] = {"item": index} if item.slot.max_count > 1 else {}
    largest = max(rule.max_bytes for rule in rules)
    if size > largest:
        raise OperationFailed(
            f"the {item.slot.role} has more than {largest} bytes",
            code=MEDIA_REFUSED,
            details={**details, "reason": "too_large", "largest": largest},
        )
    violation = None if file is None else find_slot_violation(rules, file.probe, size=file.size)
    if violation is not None:
        raise build_file_refusal(platform, item, violation, details)


def build_file_refusal(
    platform: Platform, item: CheckedItem, violation: MediaViolation, details: Mapping[str, Any]
) -> OperationFailed:
    number = details.get("item")
    subject = item.slot.role if number is None else f"{item.slot.role} {number + 1}"
    return OperationFailed(
        f"{platform.brand.title} does not accept the {subject}: {violation.code}"
        f" ({describe_violation(violation)})",
        code=MEDIA_REFUSED,
        details={**details, "reason": violation.code},
    )


def build_new_post(
    checked: CheckedRequest,
    target: PostTarget,
    files: Sequence[Media | None],
    *,
    user_id: int,
) -> NewPost:
    request, platform = checked.request, checked.platform
    has_parts = platform.build_stored_fields is None
    file = next((file for file in files if file is not None), None)
    size = request.media[0].size if file is None and request.media else None
    return NewPost(
        user_id=user_id,
        provider=platform.name,
        oauth_account_id=target.account.id,
        destination_id=target.destination_id,
        kind=checked.kind.name,
        source=SOURCES.get(request.sent_by, OWN_SOURCE),
        sent_by=request.sent_by,
        title=request.text,
        payload_json=build_payload(checked),
        media_id=None if has_parts or file is None else file.id,
        bytes_total=None if has_parts else size if file is None else file.size,
        publish_at=request.publish_at,
        group_id=request.group_id,
        parts=build_parts(checked) if has_parts else (),
    )


def build_payload(checked: CheckedRequest) -> dict[str, Any]:
    store_fields = checked.platform.build_stored_fields
    if store_fields is not None:
        return store_fields(checked.fields)
    return {OPTIONS_KEY: dict(checked.options)}


def build_parts(checked: CheckedRequest) -> tuple[NewPart, ...]:
    """Number the media items: 0 is what is published, 1 and up the items of a collection."""
    is_collection = any(slot.max_count > 1 for slot in checked.kind.slots)
    main_roles = [slot.role for slot in checked.kind.slots]
    ordered = sorted(checked.items, key=lambda item: main_roles.index(item.slot.role))
    return tuple(
        NewPart(
            position=position,
            role=item.slot.role,
            media_id=item.request.media_id,
            url=item.request.url,
            alt_text=item.request.alt_text,
            options=item.options,
        )
        for position, item in enumerate(ordered, start=1 if is_collection else 0)
    )


def copy_items(parts: Sequence[PostPart]) -> tuple[NewPart, ...]:
    """Return the media items of a stored post, for the same content in a new one."""
    return tuple(
        NewPart(
            position=part.position,
            role=part.role,
            media_id=part.media_id,
            url=part.url,
            alt_text=part.alt_text,
            options=part.options,
        )
        for part in parts
        if part.media_id is not None or part.url is not None
    )


def check_stored_file(services: Services, new_post: NewPost, file: Media) -> None:
    """Check a file that is published again. Errors: OperationFailed if no rule allows it."""
    platform = PLATFORMS[new_post.provider]
    roles = {part.role for part in new_post.parts if part.media_id == file.id}
    slots = [slot for slot in new_post.post_kind.slots if not roles or slot.role in roles]
    settings = services.settings.of_platform(new_post.provider)
    for slot in slots[:1]:
        item = CheckedItem(MediaRequest(media_id=file.id), slot)
        check_file(item, file, platform, settings, index=0)


def read_stored_fields(post: Post) -> dict[str, Any]:
    """Return kind, text and the platform's own fields of a stored post, as a request has them."""
    options = post.payload_json.get(OPTIONS_KEY) or post.payload_json.get(SETTINGS_KEY) or {}
    return {"kind": post.kind, "text": post.title, "media": [], "options": options}
