"""Slows down the guessing of one account's password, from however many addresses it is tried.

Attempts are counted per account, and for an e-mail that nobody has just as for one that exists.
Where the owner has signed in before, their attempts are counted apart: others who guess cannot
keep the owner out there, nor end a session (docs/decisions/0037-accounts-of-people.md).
"""

import hashlib
from datetime import timedelta
from ipaddress import IPv6Address, ip_address

from core.errors import RateLimitExceeded
from core.observability import metrics
from db.identity.login_sessions import LoginSessions
from db.identity.sign_in_failures import PausePolicy, SignInFailures
from db.identity.users import User
from db.session import Session

PAUSE_POLICY = PausePolicy(
    free_attempts=5,
    first_pause=timedelta(seconds=30),
    longest_pause=timedelta(minutes=15),
    forgotten_after=timedelta(days=1),
)
KNOWN_NETWORK_PERIOD = timedelta(days=90)
"""How long a network counts as known after the owner has signed in from it."""

IPV6_HOST_BITS = 64  # the part of an IPv6 address that one customer's network chooses freely


def attempt_subject(session: Session, email: str, user: User | None, ip: str | None) -> str:
    """Return what an attempt to sign in is counted under; contains no e-mail in plain text."""
    account = account_name(email, user)
    addresses = LoginSessions(session).list_addresses(
        user.id if user else 0, within=KNOWN_NETWORK_PERIOD
    )
    network = address_network(ip)
    known_networks = {address_network(address) for address in addresses}
    is_known = network is not None and network in known_networks
    return hash_subject(f"{account}\n{network}" if is_known else account)


def password_change_subject(user_id: int) -> str:
    """Return what attempts to name the present password of a signed-in user are counted under."""
    return hash_subject(f"password change\n{user_id}")


def count_attempt(session: Session, subject: str) -> None:
    """Count an attempt before it is judged. Errors: RateLimitExceeded with the time to wait."""
    wait = SignInFailures(session).count_attempt(subject, PAUSE_POLICY)
    if wait is not None:
        metrics.RATE_LIMIT_HITS.labels("sign_in", "account").inc()
        raise RateLimitExceeded(
            "too many wrong passwords for this account: it is not checked before the pause is over",
            code="sign_in_paused",
            retry_after=wait,
        )


def forget_failures(session: Session, user: User) -> None:
    """Let failures from unknown networks count no longer: an operator has acted on the account."""
    SignInFailures(session).forget(hash_subject(account_name(user.email, user)))


def account_name(email: str, user: User | None) -> str:
    """Spellings of one e-mail are one account; the database decides which those are."""
    return f"user {user.id}" if user else f"email {email.strip().lower()}"


def hash_subject(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def address_network(ip: str | None) -> str | None:
    """Return an IPv4 address, or the /64 network of an IPv6 address; None for other text."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return f"{int(address) >> IPV6_HOST_BITS:x}"
    return str(address)
