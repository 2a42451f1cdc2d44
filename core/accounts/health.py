"""How sure an account's access is, in one word for its owner. Pure: the caller brings the time.

Must not know why, nor what anybody should do about it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from db.accounts import Account, AccountStatus

NOTICE = timedelta(days=14)  # so long before the last end its owner should know of it


class Health(StrEnum):
    GOOD = "good"  # it lasts, or is renewed in time by itself
    RENEWING = "renewing"  # the token has ended and is renewed at its next use, or right now
    FAILING = "failing"  # renewing did not work lately; we go on trying
    ENDING = "ending"  # it still works, but soon nothing can renew it any more
    ENDED = "ended"  # only its owner can bring it back


def health(account: Account, *, now: datetime) -> Health:
    if account.status != AccountStatus.ACTIVE:
        return Health.ENDED
    end = last_end(account)
    if end is not None and end - now < NOTICE:
        return Health.ENDING if end > now else Health.ENDED
    if account.attempts - (account.leased_until is not None) > 0:
        return Health.FAILING
    return Health.GOOD if account.expires_at > now else Health.RENEWING


def last_end(account: Account) -> datetime | None:
    """When it is over unless its owner connects it again; None if nobody has said so.

    The platform may move it with each renewal; it is what was said last.
    """
    if account.refresh_token_encrypted is None:
        return account.expires_at
    end = account.refresh_expires_at
    return None if end is None else max(end, account.expires_at)
