"""Passwords as argon2id hashes. Must not know whose they are."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import Invalid
from platforms.secret import Secret

SHORTEST, LONGEST = 10, 1024  # characters
HASHER = PasswordHasher()  # RFC 9106, the low-memory profile: 64 MiB, three passes

NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$Al60/RS3+5aAYFVk99oSDQ$"
    "xnBwiv3qZXx71nOQ0Uhkotb3b7RN0upoU+TLmkKgEwI"
)
"""Of a password that nobody knows: an unknown e-mail has to take as long as a wrong password."""


def hashed(password: Secret) -> str:
    """Errors: Invalid."""
    if not SHORTEST <= len(password.reveal()) <= LONGEST:
        said = f"must have {SHORTEST} to {LONGEST} characters"
        raise Invalid(f"the password {said}", details={"fields": {"password": said}})
    return HASHER.hash(password.reveal())


def fits(password: Secret, known: str | None) -> bool:
    """Whether it is the password of this hash. Takes its time also where there is no hash."""
    try:
        HASHER.verify(known or NOBODYS, password.reveal()[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


def is_outdated(known: str) -> bool:
    """Made with weaker parameters than today's."""
    return HASHER.check_needs_rehash(known)
