"""Changes a post that has not begun: its time, its text and the platform's own fields.

The row is locked meanwhile. A worker that claims at the same moment passes over the locked row; one
that was earlier holds a lease, and the change is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core import audit
from core.bootstrap import Services
from core.errors import Conflict, Invalid
from core.post_state.settle import PostState
from core.post_state.step_state import (
    CHECKED_AT,
    HANDED_OVER,
    PLANNED_STEP,
    QUOTA_RESETS_AT,
    without_keys,
)
from core.publishing.post_checks import (
    MAX_SCHEDULE_PROBLEM,
    Problem,
    find_text_problems,
    is_schedulable,
    validate_own_fields,
)
from core.publishing.queries import load_own_post
from core.publishing.resolve import OPTIONS_KEY, SETTINGS_KEY, check_settings
from core.publishing.step_safety import is_outcome_open
from core.validation import format_utc
from db.posts.parts import PostPart, PostParts
from db.posts.posts import Post, Posts, SentBy
from db.posts.timeline import PostEvents
from db.session import Database, Session, database_now
from platforms.platform import Platform
from platforms.registry import PLATFORMS

NOT_EDITABLE = "not_editable"
TIME_ONLY = frozenset({"publish_at"})


@dataclass(frozen=True)
class PostChanges:
    """What is to change. `names` are the fields that were given: `publish_at` may be None, for as
    soon as possible. `settings` replace the platform's own fields of the same names; None removes.
    """

    names: frozenset[str]
    publish_at: datetime | None = None
    title: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def edit_post(
    database: Database,
    services: Services,
    post_id: int,
    changes: PostChanges,
    *,
    user_id: int,
) -> Post:
    """Change a queued post. Errors: NotFound; Conflict `not_editable`; Invalid, OperationFailed."""
    with database.transaction() as session:
        post = edit_locked_post(session, services, post_id, changes, user_id=user_id)
    services.wake("posts")
    return post


def edit_locked_post(
    session: Session, services: Services, post_id: int, changes: PostChanges, *, user_id: int
) -> Post:
    """Lock and change a post within a transaction. Errors: as `edit_post`."""
    post = load_own_post(session, post_id, user_id=user_id, lock=True)
    now = database_now(session)
    parts = PostParts(session).list_by_post(post.id)
    check_editable(post, parts, now)
    change_content(services, post, parts, changes, now)
    if "publish_at" in changes.names:
        change_time(session, post, changes.publish_at)
    post.step_state = without_keys(post.step_state, PLANNED_STEP, CHECKED_AT, QUOTA_RESETS_AT)
    post.attempts, post.last_error = 0, None
    audit.record_action(
        session,
        "post.edited",
        user_id=post.user_id,
        subject=f"post:{post.id}",
        details={"fields": sorted(changes.names)},
    )
    session.flush()
    session.refresh(post)
    return post


def check_editable(post: Post, parts: Sequence[PostPart], now: datetime) -> None:
    """Errors: Conflict `not_editable` if a worker has the post, or a platform knows of it."""
    if not is_editable(post, now) or any(part.handle for part in parts):
        raise Conflict(
            "only a queued post that no worker has begun can be changed",
            code=NOT_EDITABLE,
            details={"state": post.state},
        )


def is_editable(post: Post, now: datetime) -> bool:
    """Whether the row of a post allows a change; its parts may still forbid it."""
    is_leased = post.leased_until is not None and post.leased_until > now
    has_begun = (
        post.publish_id is not None
        or post.container_id is not None
        or HANDED_OVER in post.step_state
        or is_outcome_open(post)
    )
    return post.state == PostState.QUEUED and not is_leased and not has_begun


def change_content(
    services: Services,
    post: Post,
    parts: Sequence[PostPart],
    changes: PostChanges,
    now: datetime,
) -> None:
    """Check the new values against the platform's rules and store them. Errors: Invalid."""
    platform = PLATFORMS[post.provider]
    fields = read_request_fields(post, parts, platform)
    found: list[Problem] = list(find_time_problems(post, changes, now))
    if "title" in changes.names:
        fields["text"] = changes.title
        settings = services.settings.of_platform(platform.name)
        found += find_text_problems(changes.title, platform.kinds[post.kind].text, settings)
    if "settings" in changes.names:
        merged = {**fields["options"], **changes.settings}
        kept = {name: value for name, value in merged.items() if value is not None}
        fields["options"], problems = validate_own_fields(platform.options, kept, SETTINGS_KEY)
        found += problems
    has_content = changes.names != TIME_ONLY
    if platform.post_rules is not None and has_content and not found:
        found += platform.post_rules(fields, now).items()
    if found:
        raise Invalid(
            "fields are missing or contradict each other",
            details={"fields": {rename_field(name): text for name, text in reversed(found)}},
        )
    if has_content:
        check_settings(services, platform, fields)
    store_content(post, platform, changes, fields)


def rename_field(name: str) -> str:
    """Return the name that the body of a change has for a field of a request."""
    if name == "text":
        return "title"
    first, dot, rest = name.partition(".")
    return f"{SETTINGS_KEY}{dot}{rest}" if first == OPTIONS_KEY else name


def store_content(
    post: Post, platform: Platform, changes: PostChanges, fields: Mapping[str, Any]
) -> None:
    if "title" in changes.names:
        post.title = str(fields["text"])
    if "settings" in changes.names:
        build_fields = platform.build_stored_fields
        stored = {OPTIONS_KEY: dict(fields["options"])}
        if build_fields is not None:
            stored = build_fields(fields)
        post.payload_json = {**post.payload_json, **stored}


def read_request_fields(
    post: Post, parts: Sequence[PostPart], platform: Platform
) -> dict[str, Any]:
    """Return kind, text, media and the platform's own fields of a stored post, as a request has
    them.
    """
    payload = post.payload_json
    names = platform.options.model_fields if platform.options is not None else {}
    stored = payload.get(OPTIONS_KEY) or payload.get(SETTINGS_KEY) or {}
    beside = {name: payload[name] for name in names if payload.get(name)}
    return {
        "kind": post.kind,
        "text": post.title,
        "media": list_media_fields(post, parts, platform),
        "options": {**beside, **stored},
    }


def list_media_fields(
    post: Post, parts: Sequence[PostPart], platform: Platform
) -> list[dict[str, Any]]:
    """Return the media of a stored post: of its parts, or of what its platform stores."""
    if parts:
        return [
            {
                "role": part.role,
                "options": dict(part.options),
                **({"url": part.url} if part.url else {}),
                **({"media_id": part.media_id} if part.media_id else {}),
                **({"alt_text": part.alt_text} if part.alt_text else {}),
            }
            for part in parts
            if part.media_id is not None or part.url is not None
        ]
    role = platform.kinds[post.kind].slots[0].role
    urls = () if platform.list_stored_urls is None else platform.list_stored_urls(post.payload_json)
    own = [{"role": role, "media_id": post.media_id}] if post.media_id else []
    return [*own, *({"role": role, "url": url} for url in urls)]


def find_time_problems(post: Post, changes: PostChanges, now: datetime) -> list[Problem]:
    publish_at = changes.publish_at
    if "publish_at" not in changes.names or publish_at is None:
        return []
    if post.sent_by == SentBy.CALLER:
        return [("publish_at", "requires media_id or url: later, the caller cannot send the bytes")]
    return [] if is_schedulable(publish_at, now) else [("publish_at", MAX_SCHEDULE_PROBLEM)]


def change_time(session: Session, post: Post, publish_at: datetime | None) -> None:
    """Move the post; a slot that it had reserved is free again until the new time.

    A post on hold stays so: its owner has to release it.
    """
    before, post.publish_at = post.publish_at, publish_at
    post.has_slot = False
    if post.hold_reason is None:
        post.due_at = Posts.due_time(publish_at)
    note = " → ".join(format_utc(moment) if moment else "now" for moment in (before, publish_at))
    PostEvents(session).add(post, "moved", note=note)
