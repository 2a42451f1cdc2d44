"""The numbers of an account as a whole: followers, likes, videos."""

from core.backoff import spread
from core.insights.question import Job, Told
from core.insights.rhythm import LITTLE, TOTALS
from core.watch import metrics
from db.accounts import Account
from db.insights import Snapshots, Subject
from db.session import Session, now
from db.watches import Watch
from platforms.numbers import Counts, Insights
from platforms.secret import Secret

KIND = "account"  # as history calls them
NUMBERS = ("followers", "following", "likes", "videos")


def ask(insights: Insights, token: Secret, job: Job) -> Counts:
    return insights.totals(token, job.scopes)


def record(session: Session, watch: Watch, account: Account, told: Told) -> None:
    numbers = {name: value for name, value in told.value.items() if name in NUMBERS}
    kept = Snapshots(session).add({Subject(KIND, account.id, account.provider): numbers})
    metrics.of(metrics.INSIGHTS_ITEMS, account.provider, KIND, "kept").inc(kept)
    watch.totals_due_at = now(session) + spread(TOTALS, dice=told.dice, share=LITTLE)
