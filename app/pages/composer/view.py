"""What the templates of the composer show: accounts, files, texts, settings, time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import url_for

from app.http.context import current_container, current_principal
from app.pages.composer.blocks import describe_general_block, is_item_field
from app.pages.composer.checks import ComposerReport
from app.pages.composer.form import ComposedItem, Composition
from app.pages.composer.targets import ComposerTarget, describe_platforms
from app.pages.composer.times import describe_time, suggest_times
from app.pages.publish import input_fields, kind_fields
from app.pages.upload import creator_fields
from db.publishing.last_times import find_last_publish_time
from platforms.platform import Platform
from platforms.registry import PLATFORMS

MILLISECONDS_PER_SECOND = 1000
NO_CHOICES: Mapping[str, Any] = {"creator": None, "blocked": None}


def build_view(
    composition: Composition, targets: Sequence[ComposerTarget], report: ComposerReport | None
) -> dict[str, Any]:
    usable = [target for target in targets if target.reason is None]
    platforms = describe_platforms(usable)
    chosen = [target for target in usable if target.key in composition.account_keys]
    return {
        "composition": composition,
        "targets": targets,
        "platforms": [describe_text(composition, platform) for platform in platforms],
        "blocks": [build_block(composition, target) for target in usable],
        "files": [describe_file(composition, item, usable) for item in composition.items],
        "new_file": describe_file(composition, ComposedItem("KEY"), usable),
        "chosen_count": len(chosen) if targets else len(report.posts) if report else 0,
        "time": describe_time(composition),
        "suggestions": suggest_times(load_last_time()) if targets else [],
        "fault_count": len(report.faults) if report else 0,
    }


def describe_text(composition: Composition, platform: Mapping[str, Any]) -> dict[str, Any]:
    """The text of a platform, and whether it is another one than that of all."""
    name = platform["code"]
    return {
        **platform,
        "has_own_text": composition.has_own_text(name),
        "text": composition.own_text(name),
    }


def build_block(composition: Composition, target: ComposerTarget) -> dict[str, Any]:
    """The settings of an account; those that the account decides are asked for now."""
    form = target.rules.form
    own_block = form.block if form else None
    values = composition.block_values(target.key)
    block: dict[str, Any] = {
        "key": target.key,
        "prefix": f"set.{target.key}.",
        "id": f"set-{target.key}",
        "target": target,
        "values": values,
        "is_chosen": target.key in composition.account_keys,
        "kinds": list_kinds(target.rules),
        "template": None,
        **NO_CHOICES,
    }
    if own_block is None:
        return {**block, **describe_general_block(target.rules)}
    if block["is_chosen"] and own_block.asks_choices(values):
        block |= creator_fields(target.platform, target.login_id)
    return {
        **block,
        "template": f"{target.platform}/{own_block.template}",
        "consent_template": f"{target.platform}/{own_block.consent_template}",
        "script": url_for(f"{target.platform}_files.static", filename=own_block.script),
    }


def list_kinds(platform: Platform) -> list[dict[str, Any]]:
    """The kinds of posts with their limits, as the counters of the page use them."""
    form = platform.form
    labels = form.kind_labels if form else {}
    lower_limits = form.block.text_limits if form and form.block else {}
    kinds = [
        kind_fields(platform, kind, labels.get(kind.name, kind.name))
        for kind in platform.kinds.values()
    ]
    return [
        {**kind, "maxText": min(kind["maxText"], lower_limits.get(kind["name"], kind["maxText"]))}
        for kind in kinds
    ]


def describe_file(
    composition: Composition, item: ComposedItem, targets: Sequence[ComposerTarget]
) -> dict[str, Any]:
    """A file of the list, with the platforms' own fields of it."""
    names = dict.fromkeys(target.platform for target in targets)
    probe = item.probe
    milliseconds = probe.get("duration_ms")
    return {
        "item": item,
        "width": probe.get("width"),
        "height": probe.get("height"),
        "seconds": milliseconds and milliseconds / MILLISECONDS_PER_SECOND,
        "length": format_length(milliseconds),
        "codec": probe.get("video_codec"),
        "fields": [
            {
                "platform": name,
                "prefix": f"item.{item.key}.{name}.",
                "values": composition.item_values(item.key, name),
                "fields": list_item_fields(PLATFORMS[name]),
            }
            for name in names
            if list_item_fields(PLATFORMS[name])
        ],
    }


def format_length(milliseconds: int | None) -> str:
    """Format a duration as 1:07."""
    minutes, seconds = divmod(round((milliseconds or 0) / MILLISECONDS_PER_SECOND), 60)
    return f"{minutes}:{seconds:02}" if milliseconds else ""


def list_item_fields(platform: Platform) -> list[dict[str, Any]]:
    """The platform's own fields of a file; its description has a field for all platforms."""
    fields = platform.form.fields if platform.form else ()
    return [
        input_fields(field, "item")
        for field in fields
        if field.name != "alt_text" and is_item_field(platform, field)
    ]


def load_last_time() -> datetime | None:
    with current_container().database.transaction() as session:
        return find_last_publish_time(session, current_principal().user_id)
