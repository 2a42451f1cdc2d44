"""Hashes passwords with argon2id and verifies them, a few at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.breached_passwords import is_breached
from core.errors import Invalid, ServiceUnavailable
from core.identity.weak_passwords import is_common_password, is_made_of_names
from platforms.secret import Secret

MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 10, 1024  # characters
HASHER = PasswordHasher()  # RFC 9106, low-memory profile: 64 MiB, three passes

MAX_CONCURRENT_HASHES = 3
"""Each takes 64 MiB and up to four cores; one a thread would take 2 GB."""

MAX_HASH_WAIT = timedelta(seconds=1)
"""How long a request waits for its turn. It occupies a thread meanwhile."""

BUSY_RETRY_DELAY = timedelta(seconds=2)

DUMMY_PASSWORD_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$Al60/RS3+5aAYFVk99oSDQ$"  # noqa: S105 - no account has it
    "xnBwiv3qZXx71nOQ0Uhkotb3b7RN0upoU+TLmkKgEwI"
)
"""Hash of a random password: an unknown e-mail must take as long as a wrong password."""

_hash_turns = BoundedSemaphore(MAX_CONCURRENT_HASHES)


@contextmanager
def take_hash_turn() -> Iterator[None]:
    """Allow hashing in this block, to at most `MAX_CONCURRENT_HASHES` threads at a time.

    Errors: ServiceUnavailable if no turn came within `MAX_HASH_WAIT`.
    """
    if not _hash_turns.acquire(timeout=MAX_HASH_WAIT.total_seconds()):
        raise ServiceUnavailable(
            "too many passwords are being checked at the moment: try again",
            retry_after=BUSY_RETRY_DELAY,
        )
    try:
        yield
    finally:
        _hash_turns.release()


class GuessablePassword(Invalid):
    """This password is among those that are guessed first."""


def hash_password(password: Secret, *, email: str = "", breached: Path | None = None) -> str:
    """Hash a new password of the person with this e-mail. `breached`: the file of known ones.

    Errors: Invalid if it is too short, too long or guessed easily; ServiceUnavailable.
    """
    check_password_form(password)
    check_password_strength(password, email=email, breached=breached)
    with take_hash_turn():
        return HASHER.hash(password.reveal())


def check_password_form(password: Secret, *, field: str = "password") -> None:
    """Errors: Invalid, naming the field, if the password is too short, too long or not text."""
    text = password.reveal()
    if not MIN_PASSWORD_LENGTH <= len(text) <= MAX_PASSWORD_LENGTH:
        message = f"must have {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters"
    elif not is_hashable(text):
        message = "must consist of characters that UTF-8 can encode"
    else:
        return
    raise Invalid(f"{field} {message}", details={"fields": {field: message}})


def check_password_strength(
    password: Secret, *, email: str = "", field: str = "password", breached: Path | None = None
) -> None:
    """Errors: GuessablePassword, naming the field, if it is common, consists of known names or is
    in the file of breached ones; ServiceUnavailable if that cannot be read.
    """
    text = password.reveal()
    if is_common_password(text):
        message = "is a common password or a single word"
    elif is_made_of_names(text, email=email):
        message = "consists of names that are known: ours, a platform's or those of the e-mail"
    elif breached is not None and is_breached(text, breached):
        message = "is known from a breach of another service"
    else:
        return
    raise GuessablePassword(f"{field} {message}", details={"fields": {field: message}})


def verify_password(password: Secret, password_hash: str | None) -> bool:
    """Whether the password has this hash. Takes the same time if there is no hash.

    The caller has taken a turn, because what it does around the check belongs to the turn.
    """
    text = password.reveal()
    is_possible = len(text) <= MAX_PASSWORD_LENGTH and is_hashable(text)
    try:
        HASHER.verify(password_hash or DUMMY_PASSWORD_HASH, text if is_possible else "")
    except (VerificationError, InvalidHashError):
        return False
    return is_possible and password_hash is not None


def is_hashable(text: str) -> bool:
    """Whether UTF-8 can encode it; JSON can name half a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def is_outdated_hash(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return HASHER.check_needs_rehash(password_hash)
