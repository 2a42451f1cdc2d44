"""What one claim of a sampling schedule does: the step that is due, as values.

The steps: list the account's posts, and those that end by themselves; fetch the metrics of known
posts; fetch mentions; look for replies whose answer was lost; read comments; fetch the totals of
the account, and who its audience is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.accounts.posting_tokens import PostingToken, get_destination_token
from core.errors import NotConnected
from core.insights.sampled_platforms import get_rules, is_capability_granted, split_scopes
from db.accounts.accounts import Account, Accounts
from db.comments.comments import DueComments, StoredComment
from db.comments.mentions import DueMention
from db.comments.replies import CommentReplies, OpenReply
from db.insights.items import SampledAccount, StoredItem
from db.insights.schedule import SamplingSchedule
from db.insights.snapshots import MetricSubject
from db.records.items import find_comment_store, find_mention_store, get_item_store
from db.session import Session, database_now
from platforms.adapter import Adapter
from platforms.insights_base import AccountAccess, Insights
from platforms.publishing import Capability
from platforms.sampling import SamplingRules

LISTING = "listing"
ENDING = "ending"
COUNTING = "counting"
COMMENTS = "comments"
MENTIONS = "mentions"
REPLIES = "replies"
TOTALS = "totals"
AUDIENCE = "audience"
NOTHING_DUE = "nothing due"
"""Steps. All but the last are also labels of metrics."""

METRIC_STEPS = frozenset({COUNTING, TOTALS, AUDIENCE})

ACCOUNT_SUBJECT = "account"
DESTINATION_SUBJECT = "destination"
"""Kinds of subjects of an account's metrics: of a login, and of a destination."""

DUE_LOOKAHEAD = timedelta(minutes=2)
"""Posts that fall due within this time are queried in the same request."""


@dataclass(frozen=True)
class DueReply:
    """A reply that may be public, and the comment that it answers; None: no longer stored."""

    reply: OpenReply
    comment: StoredComment | None


@dataclass(frozen=True)
class SamplingJob:
    """One step of one account, or none if the step is `NOTHING_DUE`."""

    step: str
    token: PostingToken
    account: SampledAccount
    scopes: tuple[str, ...]
    cursor: str | None = None
    items: tuple[StoredItem, ...] = ()
    comments: DueComments | None = None
    mention: DueMention | None = None
    reply: DueReply | None = None

    @property
    def provider(self) -> str:
        return self.account.provider

    @property
    def rules(self) -> SamplingRules:
        return get_rules(self.account.provider)

    @property
    def external_id(self) -> str | None:
        """The platform's id of the account."""
        destination = self.token.destination
        return self.token.login.open_id if destination is None else destination.external_id


@dataclass(frozen=True)
class SamplingCall:
    """A step with what it calls the platform through."""

    job: SamplingJob
    adapter: Adapter
    insights: Insights
    access: AccountAccess
    now: datetime


@dataclass(frozen=True)
class StepAnswer:
    """The platform's response; the type of `value` depends on the step, None if nothing was due.

    `list_interval`: time between two listings by the settings. `pause`: most of a call limit is
    used up.
    """

    job: SamplingJob
    value: Any
    jitter: float
    at: datetime
    list_interval: timedelta | None = None
    pause: timedelta | None = None


@dataclass(frozen=True)
class SamplingDenied:
    """The step lacks a permission, although the scope was granted, or is switched off."""

    job: SamplingJob
    code: str


@dataclass(frozen=True)
class TokenRefused:
    token: PostingToken
    code: str


def next_sampling_job(session: Session, schedule: SamplingSchedule) -> SamplingJob:
    """Build the job of the step that is due for this account.

    Errors: NotConnected; Snooze while a token is renewed; Park until its owner acts.
    """
    login = Accounts(session).get(schedule.oauth_account_id)
    if login is None:
        raise NotConnected
    account = sampled_account(login, schedule)
    token = get_destination_token(
        session, login.provider, account_id=login.id, destination_id=schedule.destination_id
    )
    at = database_now(session)
    due_times = find_due_times(session, schedule, login)
    due_steps = (step for step, due_at in due_times.items() if due_at is not None and due_at <= at)
    step = next(due_steps, NOTHING_DUE)
    return SamplingJob(
        step,
        token,
        account,
        split_scopes(login),
        schedule.list_cursor if step == LISTING else None,
        **load_step_input(session, account, step, until=at + DUE_LOOKAHEAD),
    )


def sampled_account(login: Account, schedule: SamplingSchedule) -> SampledAccount:
    return SampledAccount(login.provider, login.id, login.user_id, schedule.destination_id)


def find_due_times(
    session: Session, schedule: SamplingSchedule, login: Account
) -> dict[str, datetime | None]:
    """Return when each step is due, in the order in which steps that are due are run.

    Listings come first: their pages contain metrics as well.
    """
    account, rules = sampled_account(login, schedule), get_rules(login.provider)
    items = get_item_store(session, login.provider)
    comments = mentions = replies_due_at = None
    if is_capability_granted(login, Capability.REPLY) and schedule.destination_id is not None:
        replies_due_at = CommentReplies(session).next_due_at(account.provider, account.row_id)
    if is_capability_granted(login, Capability.COMMENTS):
        comments = find_comment_store(session, login.provider)
    if is_capability_granted(login, Capability.MENTIONS):
        mentions = find_mention_store(session, login.provider)
    return {
        LISTING: schedule.list_due_at,
        ENDING: (schedule.ending_due_at or schedule.created_at) if rules.ending_listing else None,
        COUNTING: items.next_due_at(account, newest=rules.newest_items),
        MENTIONS: None if mentions is None else mentions.next_due_at(account),
        REPLIES: replies_due_at,
        COMMENTS: None if comments is None else comments.next_due_at(account),
        TOTALS: schedule.totals_due_at,
        AUDIENCE: (
            (schedule.audience_due_at or schedule.created_at) if rules.audience_interval else None
        ),
    }


def load_step_input(
    session: Session, account: SampledAccount, step: str, *, until: datetime
) -> dict[str, Any]:
    """Load the posts, comments or mention that a step is about. Shapes: field of the job → value"""
    rules = get_rules(account.provider)
    if step == COUNTING:
        items = get_item_store(session, account.provider).list_due(
            account, until=until, limit=rules.items_per_request, newest=rules.newest_items
        )
        return {"items": tuple(items)}
    if step == COMMENTS and (comments := find_comment_store(session, account.provider)):
        return {"comments": comments.find_due(account, until=until)}
    if step == MENTIONS and (mentions := find_mention_store(session, account.provider)):
        return {"mention": mentions.find_due(account, until=until)}
    if step == REPLIES:
        return {"reply": claim_reply(session, account)}
    return {}


def claim_reply(session: Session, account: SampledAccount) -> DueReply | None:
    """Claim the reply that is to be looked for; None if a request has taken it up meanwhile."""
    reply = CommentReplies(session).claim_open(account.provider, account.row_id)
    store = find_comment_store(session, account.provider)
    if reply is None or store is None:
        return None
    return DueReply(reply, store.find(reply.comment_external_id, user_id=account.user_id))


def account_subject(account: SampledAccount) -> MetricSubject:
    """Return the subject of the account's own metrics."""
    kind = ACCOUNT_SUBJECT if account.destination_id is None else DESTINATION_SUBJECT
    return MetricSubject(kind, account.row_id, account.provider)
