"""Numbers as our API shows them: null where the platform told none, ids of platforms as text."""

from collections.abc import Mapping
from typing import Any

from core.insights import Figures, Overview, together
from core.insights.asked import Answer
from core.insights.history import Point
from db.insights import Value
from db.videos import NUMBERS, Video


def statistics(figures: Figures | None) -> dict[str, Any] | None:
    """Of a post; null while the public has not been seen to see it."""
    if figures is None:
        return None
    return {
        **{name: getattr(figures, name) for name in NUMBERS},
        "engagement_rate": figures.engagement,
        "video_ids": list(figures.videos),
        "share_url": figures.url,
        "counted_at": figures.counted_at,
        "missing_since": figures.missing_since,
    }


def video(row: Video, posts: Mapping[tuple[int, str], int]) -> dict[str, Any]:
    """In a list; `post_id` is the post of ours that it is, if it is one."""
    whose = (row.oauth_account_id, row.video_id)
    return {"account_id": row.oauth_account_id, "post_id": posts.get(whose), **shown(row)}


def shown(row: Video) -> dict[str, Any]:
    told = statistics(together([row])) or {}
    return {
        "video_id": row.video_id,
        "title": row.title,
        "duration_seconds": row.duration_seconds,
        "posted_at": row.posted_at,
        **{name: value for name, value in told.items() if name != "video_ids"},
    }


def history(found: Answer) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "account_id": found.account_id,
        "post_id": found.post_id,
        **({"account": overview(found.overview)} if found.overview else {}),
        **({"video": shown(found.video)} if found.video else {}),
        "latest": {name: value and latest(value) for name, value in found.latest.items()},
        "step": found.series.step,
        "points": [point(each) for each in found.series.points],
    }


def overview(whole: Overview) -> dict[str, Any]:
    """`sampled` and `problem` say why numbers do not come, where they do not."""
    return {
        "sampled": whole.sampled,
        "problem": whole.problem,
        "next_sample_at": whole.next_at,
        "videos": {**whole.videos, "engagement_rate": whole.engagement},
    }


def latest(value: Value) -> dict[str, Any]:
    return {"value": value.value, "at": value.at}


def point(each: Point) -> dict[str, Any]:
    return {"at": each.at, **each.values}
