"""Hashes passwords with argon2id and verifies them."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import Invalid
from platforms.secret import Secret

MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 10, 1024  # characters
HASHER = PasswordHasher()  # RFC 9106, low-memory profile: 64 MiB, three passes

DUMMY_PASSWORD_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$Al60/RS3+5aAYFVk99oSDQ$"  # noqa: S105 - no account has it
    "xnBwiv3qZXx71nOQ0Uhkotb3b7RN0upoU+TLmkKgEwI"
)
"""Hash of a random password: an unknown e-mail must take as long as a wrong password."""


def hash_password(password: Secret) -> str:
    """Errors: Invalid if the password is too short or too long."""
    if not MIN_PASSWORD_LENGTH <= len(password.reveal()) <= MAX_PASSWORD_LENGTH:
        message = f"must have {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters"
        raise Invalid(f"the password {message}", details={"fields": {"password": message}})
    return HASHER.hash(password.reveal())


def verify_password(password: Secret, password_hash: str | None) -> bool:
    """Whether the password has this hash. Takes the same time if there is no hash."""
    try:
        HASHER.verify(password_hash or DUMMY_PASSWORD_HASH, password.reveal()[:MAX_PASSWORD_LENGTH])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_outdated_hash(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return HASHER.check_needs_rehash(password_hash)
