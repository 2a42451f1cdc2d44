"""Access tokens kept alive: an account is a row due for refresh before its token ends.

A call that was sent but never answered stays visible as `refresh_started_at`. Must not know what
tokens are used for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.accounts import grants
from core.accounts.health import NOTICE
from core.accounts.renewal import ROTATION_LOST, Job, Refused, Sealed, columns, perform, refresh_in
from core.backoff import NO_FLOOR, Policy, minutes, seconds
from core.crypto import access_context, refresh_context
from core.engine.kinds import Work
from core.outcomes import Again, Failure, Held, Later
from db.accounts import ACCOUNTS, Account
from db.grants import Grants
from db.holds import Holds
from db.session import Session, now

STANDS = timedelta(hours=1)  # an end that a renewal moves by less was not moved by it
REST = timedelta(hours=1)  # between tries once patience is spent: giving up costs a reconnect


def brief(session: Session, account: Account) -> Job:
    if account.refresh_token_encrypted is None:
        cause = account.status_cause or "no_refresh_token"
        grants.needs_reconnect(session, account, cause=cause)
        raise Held(f"needs reconnect: {cause}")
    again = account.refresh_started_at is not None
    account.refresh_started_at = now(session)  # cleared by every definite answer
    who = (account.provider, account.open_id, account.user_id)
    return Job(
        account.provider,
        account.refresh_token_encrypted,
        access_context(*who),
        refresh_context(*who),
        again,
    )


def record(session: Session, account: Account, outcome: Sealed | Refused) -> Again:
    return together(session, [(account, outcome)])[0]


def together(session: Session, answers: Sequence[tuple[Account, Sealed | Refused]]) -> list[Again]:
    """What the answers for several accounts change, and when each of them is due again."""
    new = [account.id for account, outcome in answers if isinstance(outcome, Sealed)]
    Holds(session).wake(new)
    used = Grants(session).in_use(new)
    return [
        renewed(session, account, outcome, in_use=account.id in used)
        if isinstance(outcome, Sealed)
        else refused(session, account, outcome)
        for account, outcome in answers
    ]


def renewed(session: Session, account: Account, new: Sealed, *, in_use: bool) -> Again:
    before, at = (account.refresh_expires_at, account.scope), now(session)
    renew(account, new, at=at)
    changed(session, account, *before, at=at)
    grants.note(session, account, "account.refreshed")
    return Again(refresh_in(new, in_use=in_use))


def refused(session: Session, account: Account, outcome: Refused) -> Again:
    account.refresh_started_at = None
    left = Grants(session).remaining(account.id)
    if outcome.cause == ROTATION_LOST and left > NO_FLOOR:
        grants.rotation_lost(session, account)
        return Again(left)
    grants.needs_reconnect(session, account, cause=outcome.cause)
    return Again(None)


def renew(account: Account, new: Sealed, *, at: datetime) -> None:
    """Both tokens, both ends and the version in one stroke."""
    for column, value in columns(new, at=at).items():
        if value is not None:
            setattr(account, column, value)
    account.refresh_started_at = None
    account.scope = ",".join(new.grant.scopes) or account.scope
    account.last_refreshed_at = at
    account.token_version += 1


def changed(
    session: Session, account: Account, end: datetime | None, scope: str, *, at: datetime
) -> None:
    """What a renewal reveals and its owner should know: permissions gone, an end that stays."""
    lost = [each for each in scope.split(",") if each and each not in account.scope.split(",")]
    if lost:
        grants.tell(session, account, grants.PERMISSIONS_MISSING, why=",".join(lost))
    new = account.refresh_expires_at
    if end is not None and new is not None and new - end < STANDS and new - at < NOTICE:
        day = new.date().isoformat()
        grants.tell(session, account, grants.ENDS_SOON, once_for=day, why=day)


def put_back(_session: Session, account: Account, why: Failure | Later) -> None:
    """Only a call that may have rotated the token leaves its mark for the next try."""
    if not (isinstance(why, Failure) and why.unsure):
        account.refresh_started_at = None


def give_up(session: Session, account: Account, failure: Failure) -> None:
    """Only the platform's word ends a grant. Everything else is told, and tried at leisure."""
    if failure.code == "crypto_error":
        account.refresh_started_at = None
        grants.unreadable(session, account)
    elif failure.code == "access_denied":
        grants.needs_reconnect(session, account, cause=failure.code)
    else:
        put_back(session, account, failure)
        told = {"why": failure.code, "code": failure.code}
        grants.tell(session, account, grants.REFRESH_FAILED, **told)
        grants.note(session, account, "account.refresh_failed", code=failure.code)
        account.due_at = Grants.now() + REST
        account.attempts = POLICY.attempts - 1


POLICY = Policy(seconds(2, 5, 15, 30, 60) + minutes(2, 5, 10, 15, 30, 60))

WORK: Work[Account, Job, Sealed | Refused] = Work(
    kind="accounts",
    bell="accounts",
    queue=ACCOUNTS,
    brief=brief,
    perform=perform,
    record=record,
    give_up=give_up,
    put_back=put_back,
    policy=POLICY,
    lease=timedelta(seconds=90),
    batch=32,
    pool=16,
    together=together,
)
