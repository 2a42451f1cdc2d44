"""Access tokens kept alive: an account is a row due for refresh before its token ends.

The refresh is the only place where a sealed refresh token is opened. A call that was sent but
never answered stays visible as `refresh_started_at`. Must not know what tokens are used for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from core.backoff import NO_FLOOR, Policy, minutes, seconds, spread
from core.crypto import Context, access_context, refresh_context
from core.errors import NeedsReconnect, NotConnected
from core.kinds import Work
from core.outcomes import Again, Failure, Held, Later
from core.wiring import World
from core.work import run
from db.accounts import ACCOUNTS, Account, Accounts, AccountStatus
from db.session import Database, Session
from platforms.base import Grant
from platforms.errors import Revoked
from platforms.secret import Secret

GUARD = timedelta(minutes=5)  # a token that ends sooner is not handed out
EARLY = timedelta(minutes=60)
KEEP_ALIVE = timedelta(days=7)
ON_ITS_WAY = timedelta(seconds=2)


@dataclass(frozen=True)
class Access:
    """A sealed access token with what it takes to open it, and the version it belongs to."""

    account_id: int
    sealed: str
    context: Context
    version: int

    def open(self, world: World) -> Secret:
        return world.keys.open(self.sealed, self.context)


def access(session: Session, account_id: int | None) -> Access:
    """A token good for at least `GUARD`.

    Errors: Later while it is being renewed; Held when only a person can renew it;
    NotConnected when the account is gone.
    """
    account = Accounts(session).get(account_id)
    if account is None or account.status == AccountStatus.DISCONNECTED:
        raise NotConnected("the account of this row is no longer connected")
    if account.status != AccountStatus.ACTIVE or account.access_token_encrypted is None:
        raise Held("needs_reconnect")
    if not Accounts(session).lasts(account.id, GUARD):
        hasten(account)
        raise Later(ON_ITS_WAY, "token on its way")
    context = access_context(account.provider, account.open_id, account.user_id)
    return Access(account.id, account.access_token_encrypted, context, account.token_version)


def refused(session: Session, used: Access) -> NoReturn:
    """The platform no longer takes this token: renew it, unless that already happened.

    Errors: Later, so that the refused call is repeated with the new token.
    """
    account = Accounts(session).locked(used.account_id)
    if account is not None and account.token_version == used.version:
        hasten(account)
    raise Later(ON_ITS_WAY, "token refused by the platform")


def hasten(account: Account) -> None:
    account.due_at = Accounts.now()


def fresh(database: Database, world: World, account_id: int) -> None:
    """Renew the account's token right here if it is about to end; single flight by the row's lease.

    Errors: NeedsReconnect when the grant is dead. Returns quietly while another process renews.
    """
    with database.transaction() as session:
        account = Accounts(session).locked(account_id)
        if account is None or account.status != AccountStatus.ACTIVE:
            raise NeedsReconnect
        if Accounts(session).lasts(account_id, GUARD):
            return
        if account.leased_until is None:
            hasten(account)
    run(WORK, database, world, only=account_id)


@dataclass(frozen=True)
class Job:
    provider: str
    sealed: str
    access_context: Context
    refresh_context: Context
    again: bool  # an earlier call was sent and never answered


@dataclass(frozen=True)
class Renewed:
    access_token: str  # sealed
    refresh_token: str | None  # sealed; None keeps the old one
    at: datetime
    grant: Grant
    dice: float


@dataclass(frozen=True)
class Refused:
    code: str
    cause: str  # revoked | rotation_lost


def brief(session: Session, account: Account) -> Job:
    if account.status != AccountStatus.ACTIVE:
        raise Held("not active")
    if account.refresh_token_encrypted is None:
        Accounts(session).needs_reconnect(account, cause=Accounts.cause_of(account))
        raise Held("no refresh token")
    again = account.refresh_started_at is not None
    account.refresh_started_at = Accounts.now()  # cleared by every definite answer
    who = (account.provider, account.open_id, account.user_id)
    return Job(
        account.provider,
        account.refresh_token_encrypted,
        access_context(*who),
        refresh_context(*who),
        again,
    )


def perform(job: Job, world: World) -> Renewed | Refused:
    token = world.keys.open(job.sealed, job.refresh_context)
    try:
        grant = world.platform(job.provider).oauth.refresh(token)
    except Revoked as error:
        return Refused(error.code, "rotation_lost" if job.again else "revoked")
    return Renewed(
        world.keys.seal(grant.access_token, job.access_context),
        grant.refresh_token and world.keys.seal(grant.refresh_token, job.refresh_context),
        world.now(),
        grant,
        world.dice(),
    )


def record(session: Session, account: Account, outcome: Renewed | Refused) -> Again:
    if isinstance(outcome, Renewed):
        keep(account, outcome)
        Accounts(session).wake_posts(account.id)
        in_use = Accounts(session).in_use(account.id)
        return Again(refresh_in(outcome.grant, in_use=in_use, dice=outcome.dice))
    account.refresh_started_at = None
    left = Accounts(session).remaining(account.id)
    if outcome.cause == "rotation_lost" and left > NO_FLOOR:
        Accounts(session).rotation_lost(account)
        return Again(left)  # the old access token serves until it ends
    Accounts(session).needs_reconnect(account, cause=outcome.cause)
    return Again(None)


def put_back(_session: Session, account: Account, why: Failure | Later) -> None:
    """Only a call that may have rotated the token leaves its mark for the next try."""
    if not (isinstance(why, Failure) and why.unsure):
        account.refresh_started_at = None


def keep(account: Account, new: Renewed) -> None:
    """Both tokens, both ends and the version in one stroke; no new refresh token keeps the old."""
    account.access_token_encrypted = new.access_token
    account.refresh_token_encrypted = new.refresh_token or account.refresh_token_encrypted
    account.expires_at = new.at + new.grant.lifetime
    if new.grant.refresh_lifetime is not None:
        account.refresh_expires_at = new.at + new.grant.refresh_lifetime
    account.last_refreshed_at = new.at
    account.refresh_started_at = None
    account.token_version += 1


def refresh_in(grant: Grant, *, in_use: bool, dice: float) -> timedelta:
    """How long until the token should be renewed; a dormant account waits for its next use."""
    if in_use:
        return spread(grant.lifetime - min(EARLY, grant.lifetime / 4), dice=dice, share=0.1)
    half = (grant.refresh_lifetime or KEEP_ALIVE) / 2
    return spread(min(KEEP_ALIVE, half), dice=dice, share=0.1)


def give_up(session: Session, account: Account, failure: Failure) -> None:
    """Out of patience or undecryptable: nothing is overwritten, a person is told."""
    if failure.code == "crypto_error":
        account.status = AccountStatus.CRYPTO_ERROR
    else:
        Accounts(session).needs_reconnect(account, cause=failure.code)


# network, 5xx and 429 keep the grant: patience for days, since giving up costs a reconnect
POLICY = Policy(
    seconds(2, 5, 15, 30, 60)
    + minutes(2, 5, 10, 15, 30)
    + minutes(*[60] * 24)
    + minutes(*[240] * 18)
)

WORK = Work(
    kind="accounts",
    bell="accounts",
    queue=ACCOUNTS,
    brief=brief,
    perform=perform,
    record=record,
    give_up=give_up,
    policy=POLICY,
    lease=timedelta(seconds=90),
    batch=16,
    pool=8,
    put_back=put_back,
)
