"""The numbers of videos we know, up to twenty at a time. What is not shown any more is said so."""

from core.insights.question import Job, Told
from core.insights.rhythm import looked_for_after
from core.insights.seen import KIND, seen
from core.watch import metrics
from db.accounts import Account
from db.session import Session, now
from db.videos import Videos
from db.watches import Watch
from platforms.numbers import Insights, Video
from platforms.secret import Secret


def ask(insights: Insights, token: Secret, job: Job) -> tuple[Video, ...]:
    return insights.counted(token, job.scopes, ids=job.ids)


def record(session: Session, _watch: Watch, account: Account, told: Told) -> None:
    """What was asked for and not answered keeps its last numbers: nothing new is known of them."""
    asked = set(told.job.ids)
    shown = [video for video in told.value if video.id in asked]
    seen(session, account, shown, dice=told.dice)
    missed(session, account, asked - {video.id for video in shown}, dice=told.dice)


def missed(session: Session, account: Account, video_ids: set[str], *, dice: float) -> None:
    if not video_ids:
        return
    at = now(session)
    gone = Videos(session).missed(account.id, video_ids)
    pauses = {
        video.id: looked_for_after(at - (video.missing_since or at), dice=dice) for video in gone
    }
    Videos(session).again({row: pause for row, pause in pauses.items() if pause is not None})
    metrics.of(metrics.INSIGHTS_ITEMS, account.provider, KIND, "missing").inc(len(gone))
