"""Checks the fields of a post request against each other and against the platform's rules, without
the database. Each check yields fields with what is wrong with them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from mimetypes import guess_type
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from core.errors import Invalid
from core.publishing.post_request import MAX_SCHEDULE_AHEAD, MediaRequest, PostRequest
from core.validation import field_errors, has_unstorable_text
from db.posts.posts import SentBy
from platforms.media_rules import MediaRule
from platforms.platform import Platform
from platforms.publishing import MediaSlot, PostKind, TextRule
from platforms.request_types import is_blank, utf16_length

SETTING_SUFFIX = "_setting"
HASHTAG_PATTERN = re.compile(r"(?<![\w&])#\w+")
MENTION_PATTERN = re.compile(r"(?<![\w@])@[\w.]+")
MAX_SCHEDULE_PROBLEM = f"must be in the future and within {MAX_SCHEDULE_AHEAD.days} days"
UNIT_NAMES = {"utf16": "UTF-16 units", "characters": "characters"}

Problem = tuple[str, str]
"""A field of the request and what is wrong with it."""


@dataclass(frozen=True)
class CheckedItem:
    """A media file of a request with its role and the platform's own fields, validated."""

    request: MediaRequest
    slot: MediaSlot
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckedRequest:
    """A request whose fields agree with each other and with the platform's rules."""

    request: PostRequest
    platform: Platform
    kind: PostKind
    items: tuple[CheckedItem, ...]
    options: Mapping[str, Any]

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that a platform's own rules are about."""
        return build_rule_fields(self.request, self.kind, self.options, self.items)


def check_request(
    request: PostRequest,
    platform: Platform,
    settings: Any,
    *,
    now: datetime,
    may_queue: bool,
    media_types: Mapping[int, str],
    problems: Mapping[str, str],
) -> CheckedRequest:
    """Check a request against a platform's rules.

    `settings` are the platform's; `media_types` the content types of our files by id; `problems`
    were found before. Errors: Invalid with `details.fields`.
    """
    kind = find_kind(request, platform, media_types)
    options, option_problems = validate_own_fields(platform.options, request.options, "options")
    items, item_problems = check_items(request, platform, kind, media_types)
    found = [*problems.items(), *option_problems, *item_problems]
    found += find_text_problems(request.text, kind.text, settings)
    found += find_time_problems(request, now=now, may_queue=may_queue)
    fields = build_rule_fields(request, kind, options, items)
    if platform.post_rules is not None and not option_problems:
        found += platform.post_rules(fields, now).items()
    if found:
        raise Invalid(
            "fields are missing or contradict each other",
            details={"fields": dict(reversed(found))},  # of several sentences, the first
        )
    return CheckedRequest(request, platform, kind, items, options)


def build_rule_fields(
    request: PostRequest,
    kind: PostKind,
    options: Mapping[str, Any],
    items: Iterable[CheckedItem],
) -> dict[str, Any]:
    media = [
        {
            **item.request.model_dump(exclude_none=True, include=set(MediaRequest.model_fields)),
            "role": item.slot.role,
            "options": item.options,
        }
        for item in items
    ]
    return {"kind": kind.name, "text": request.text, "media": media, "options": options}


def find_kind(request: PostRequest, platform: Platform, media_types: Mapping[int, str]) -> PostKind:
    """Return the kind that is named, or the first one that takes these media. Errors: Invalid."""
    if request.kind is not None:
        kind = platform.kinds.get(request.kind)
        if kind is None:
            names = ", ".join(sorted(platform.kinds))
            raise_invalid("kind", f"must be one of {names}")
        return kind
    fitting = (
        kind for kind in platform.kinds.values() if does_fit(request, kind, platform, media_types)
    )
    found = next(fitting, None)
    if found is None and platform.default_kind is not None:
        return platform.kinds[platform.default_kind]
    if found is None:
        raise_invalid("kind", "is required: the media do not say which kind of post is meant")
    return found


def raise_invalid(name: str, message: str) -> NoReturn:
    raise Invalid(
        "fields are missing or contradict each other", details={"fields": {name: message}}
    )


def does_fit(
    request: PostRequest, kind: PostKind, platform: Platform, media_types: Mapping[int, str]
) -> bool:
    """Whether every file is known to be of a type that a slot of this kind takes."""
    slots = [find_slot(item, kind, platform, media_types) for item in request.media]
    counts = {slot.role: sum(found == slot for found in slots) for slot in kind.slots}
    return None not in slots and all(
        slot.min_count <= counts[slot.role] <= slot.max_count for slot in kind.slots
    )


def find_slot(
    item: MediaRequest, kind: PostKind, platform: Platform, media_types: Mapping[int, str]
) -> MediaSlot | None:
    """Return the slot whose role is named, or the first that takes files of this type.

    A slot that may stay empty, such as a cover, takes only files that name its role.
    """
    if item.role is not None:
        return next((slot for slot in kind.slots if slot.role == item.role), None)
    is_video = is_video_item(item, media_types)
    if is_video is None:
        return None
    for slot in kind.slots:
        takes_type = any(platform.media_rules[name].is_video == is_video for name in slot.rules)
        if takes_type and slot.min_count > 0:
            return slot
    return None


def is_video_item(item: MediaRequest, media_types: Mapping[int, str]) -> bool | None:
    """Whether a file is a video; None if neither its type nor the end of its URL says it."""
    if item.size is not None:
        return True  # callers send videos only
    content_type = media_types.get(item.media_id or 0)
    if item.url is not None:
        content_type = guess_type(item.url.partition("?")[0].partition("#")[0])[0]
    top_level = (content_type or "").partition("/")[0]
    return top_level == "video" if top_level in {"video", "image"} else None


def check_items(
    request: PostRequest, platform: Platform, kind: PostKind, media_types: Mapping[int, str]
) -> tuple[tuple[CheckedItem, ...], list[Problem]]:
    """Give each file its slot, and check number and sources."""
    items, problems = [], list[Problem]()
    for index, item in enumerate(request.media):
        name = f"media.{index}"
        options, own_problems = validate_own_fields(platform.media_options, item.own_fields, name)
        problems += own_problems
        problems += find_source_problems(item, kind, name)
        # The type of a file that only its content shows is compared with the rules later.
        slot = find_slot(item, kind, platform, media_types)
        if slot is None and item.role is not None:
            roles = ", ".join(slot.role for slot in kind.slots)
            problems.append((f"{name}.role", f"must be one of {roles}"))
        items.append(CheckedItem(item, slot or kind.slots[0], options))
    return tuple(items), [*problems, *find_count_problems(items, kind)]


def find_source_problems(item: MediaRequest, kind: PostKind, name: str) -> Iterator[Problem]:
    if item.source_count != 1:
        yield name, "must have exactly one of media_id, url and size"
    elif item.size is not None and not kind.can_caller_send:
        yield f"{name}.size", "is not for posts of this kind: use media_id or url"


def find_count_problems(items: Iterable[CheckedItem], kind: PostKind) -> Iterator[Problem]:
    counts = {slot.role: 0 for slot in kind.slots}
    for item in items:
        counts[item.slot.role] += 1
    for slot in kind.slots:
        if not slot.min_count <= counts[slot.role] <= slot.max_count:
            numbers = {slot.min_count, slot.max_count}
            allowed = " to ".join(map(str, sorted(numbers)))
            yield "media", f"must have {allowed} of the role {slot.role}"


def validate_own_fields(
    model: type[BaseModel] | None, values: Mapping[str, Any], name: str
) -> tuple[dict[str, Any], list[Problem]]:
    """Validate fields of the platform; return those that were given, as JSON values."""
    if model is None:
        return {}, [(f"{name}.{key}", "is not known to this platform") for key in values]
    if has_unstorable_text(dict(values)):
        return {}, [(name, "must not contain NUL or half of a surrogate pair")]
    try:
        validated = model.model_validate(dict(values))
    except ValidationError as error:
        faults = field_errors(error)
        return {}, [
            (name if field == "body" else f"{name}.{field}", rule) for field, rule in faults.items()
        ]
    return validated.model_dump(mode="json", exclude_unset=True, exclude_none=True), []


def find_text_problems(text: str, rule: TextRule, settings: Any) -> Iterator[Problem]:
    """Check length, hashtags and mentions of the text."""
    length = utf16_length(text) if rule.unit == "utf16" else len(text)
    if text and not rule.is_allowed:
        yield "text", "is not for posts of this kind"
    elif rule.is_required and is_blank(text):
        yield "text", "must not be blank"
    elif length > rule.max_length:
        yield "text", f"must not be longer than {rule.max_length} {UNIT_NAMES[rule.unit]}"
    for name, pattern in (("hashtags", HASHTAG_PATTERN), ("mentions", MENTION_PATTERN)):
        limit = find_text_limit(rule, f"max_{name}", settings)
        if limit is not None and len(pattern.findall(text)) > limit:
            yield "text", f"must not have more than {limit} {name}"


def find_text_limit(rule: TextRule, name: str, settings: Any) -> int | None:
    setting: str | None = getattr(rule, f"{name}{SETTING_SUFFIX}")
    limit: int | None = getattr(settings, setting) if setting else getattr(rule, name)
    return limit


def find_time_problems(
    request: PostRequest, *, now: datetime, may_queue: bool
) -> Iterator[Problem]:
    """Check `publish_at` against the clock, and that nothing waits for bytes of the caller.

    `may_queue`: the post may be queued, because the caller does not wait for the first step.
    """
    publish_at, is_sent_by_caller = request.publish_at, request.sent_by == SentBy.CALLER
    if publish_at is not None and is_sent_by_caller:
        yield "publish_at", "requires media_id or url: later, the caller cannot send the bytes"
    elif publish_at is not None and not is_schedulable(publish_at, now):
        yield "publish_at", MAX_SCHEDULE_PROBLEM
    if may_queue and is_sent_by_caller:
        yield (
            "media.0.size",
            "cannot be queued, because the caller has to send the bytes: use media_id",
        )


def is_schedulable(publish_at: datetime, now: datetime) -> bool:
    return now < publish_at <= now + MAX_SCHEDULE_AHEAD


def pick_rules(item: CheckedItem, platform: Platform) -> list[MediaRule]:
    """Return the rules of which a file has to satisfy one."""
    return [platform.media_rules[name] for name in item.slot.rules]
