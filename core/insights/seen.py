"""Videos that an answer showed, written down: themselves, their numbers, and when to ask again."""

from collections.abc import Sequence
from typing import Any

from core.insights.rhythm import sampled_after
from core.watch import metrics
from db.accounts import Account
from db.insights import Snapshots, Subject
from db.session import Session, now
from db.videos import NUMBERS, Videos
from platforms.numbers import Video

KIND = "video"  # as history calls them


def seen(session: Session, account: Account, videos: Sequence[Video], *, dice: float) -> bool:
    """Whether one of them is new to us. A number that was not told leaves no trace."""
    told = {video.id: video for video in videos}
    rows = Videos(session).see([row(account, video) for video in told.values()])
    numbers = {
        Subject(KIND, known.id, account.provider): numbered(told[known.video_id]) for known in rows
    }
    kept = Snapshots(session).add(numbers)
    metrics.of(metrics.INSIGHTS_ITEMS, account.provider, KIND, "kept").inc(kept)
    at = now(session)
    Videos(session).again(
        {known.id: sampled_after(at - known.posted_at, dice=dice) for known in rows}
    )
    return any(known.is_new for known in rows)


def numbered(video: Video) -> dict[str, int]:
    return {name: value for name, value in video.counts.items() if name in NUMBERS}


def row(account: Account, video: Video) -> dict[str, Any]:
    duration = video.duration and int(video.duration.total_seconds())
    return {
        "oauth_account_id": account.id,
        "user_id": account.user_id,
        "video_id": video.id,
        "title": video.title,
        "url": video.url,
        "duration_seconds": duration,
        "posted_at": video.posted_at,
        **{name: video.counts.get(name) for name in NUMBERS},
    }
