"""What was composed, as one request for a post for each chosen account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.pages.composer.blocks import (
    ALT_TEXT,
    fits_kind,
    keep_fields_of_kind,
    read_fields,
    read_general_block,
)
from app.pages.composer.form import ComposedItem, Composition
from app.pages.composer.targets import ComposerTarget
from core.errors import Invalid
from core.publishing import PostRequest
from core.validation import validate_model
from platforms.platform import BlockRequest
from platforms.publishing import PostKind
from platforms.registry import PLATFORMS
from platforms.request_types import utf16_length


@dataclass(frozen=True)
class ComposedPost:
    """The request of one account. `request` is None if its fields are not even a request.

    `problems`: field of the block → English sentence; `faults`: field of the request → rule.
    """

    target: ComposerTarget
    request: PostRequest | None
    problems: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


def build_posts(
    composition: Composition, targets: Sequence[ComposerTarget], publish_at: datetime | None
) -> list[ComposedPost]:
    group_id = composition.id if len(targets) > 1 else None
    return [build_post(composition, target, publish_at, group_id) for target in targets]


def build_post(
    composition: Composition,
    target: ComposerTarget,
    publish_at: datetime | None,
    group_id: UUID | None,
) -> ComposedPost:
    block, kind = read_block(composition, target)
    media, item_problems = build_media(composition, target, kind)
    values: dict[str, Any] = {
        "platform": target.platform,
        **target.query,
        "kind": kind,
        "text": composition.text_for(target.platform),
        "media": [*media, *build_extra_media(composition, target, kind)],
        "publish_at": publish_at,
        "options": dict(block.options),
        "group_id": group_id,
    }
    problems = {**item_problems, **block.problems}
    faults = find_editor_faults(target, kind, values["text"])
    try:
        return ComposedPost(target, validate_model(PostRequest, values), problems, faults)
    except Invalid as error:
        return ComposedPost(
            target, None, problems, error.details.get("fields") or {"body": str(error)}
        )


def find_editor_faults(target: ComposerTarget, kind: str | None, text: str) -> dict[str, str]:
    """A text that the platform takes and its own editor does not."""
    form = target.rules.form
    limit = form.block.text_limits.get(kind or "") if form and form.block else None
    if limit is None or utf16_length(text) <= limit:
        return {}
    return {"text": f"must not be longer than {limit} UTF-16 units"}


def read_block(composition: Composition, target: ComposerTarget) -> tuple[BlockRequest, str | None]:
    """Read the settings of the account, in the platform's own way if it has one."""
    values, platform = composition.block_values(target.key), target.rules
    own_block = platform.form.block if platform.form else None
    if own_block is not None:
        block = own_block.read_values(values, composition.are_pictures)
        return block, block.kind
    kind, block = read_general_block(platform, values)
    kind = kind if kind in platform.kinds else guess_kind(composition, target)
    options = keep_fields_of_kind(platform, kind, block.options)
    return BlockRequest(kind or "", options, block.problems), kind


def guess_kind(composition: Composition, target: ComposerTarget) -> str | None:
    """Return the first kind that takes these files; None if their types are not known."""
    kinds = list_fitting_kinds(composition.items, target.platform)
    return kinds[0].name if kinds else None


def list_fitting_kinds(items: Sequence[ComposedItem], platform: str) -> list[PostKind]:
    """The kinds of posts whose first slot takes so many files of these types."""
    rules = PLATFORMS[platform].media_rules
    types = {item.media_type for item in items}
    fitting = []
    for kind in PLATFORMS[platform].kinds.values():
        slot = kind.slots[0]
        accepted = {"video" if rules[name].is_video else "image" for name in slot.rules}
        if types <= accepted and slot.min_count <= len(items) <= slot.max_count:
            fitting.append(kind)
    return fitting


def build_media(
    composition: Composition, target: ComposerTarget, kind: str | None
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the media of the request, and what is wrong with the platform's fields of them."""
    media, problems = list[dict[str, Any]](), dict[str, str]()
    fields = target.rules.form.fields if target.rules.form else ()
    fields = tuple(field for field in fields if fits_kind(field, kind))
    has_alt_text = any(field.name == ALT_TEXT for field in fields)
    for index, item in enumerate(composition.items):
        values = composition.item_values(item.key, target.platform)
        own = read_fields(target.rules, fields, values, is_item=True)
        problems |= {f"media.{index}.{name}": text for name, text in own.problems.items()}
        described = item.alt_text if has_alt_text and item.media_type != "video" else ""
        media.append(
            {
                **({"url": item.url} if item.media_id is None else {"media_id": item.media_id}),
                **({ALT_TEXT: described} if described else {}),
                **own.options,
            }
        )
    return media, problems


def build_extra_media(
    composition: Composition, target: ComposerTarget, kind: str | None
) -> list[dict[str, Any]]:
    """Files that are fields of the post and no items of it, such as a cover, by their addresses."""
    values = composition.block_values(target.key)
    fields = target.rules.form.fields if target.rules.form else ()
    return [
        {"url": values[each.name].strip(), "role": each.role}
        for each in fields
        if each.input == "media" and (not each.kinds or kind in each.kinds)
        if values.get(each.name, "").strip()
    ]
