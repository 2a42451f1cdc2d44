"""The keys that seal our secrets, as settings write them. Must not seal anything."""

from core.config.environment import Environment, Malformed, Name
from core.crypto import KEY_ID, key_bytes
from platforms.secret import Secret

Ring = tuple[tuple[str, Secret], ...]  # key id and base64 of 32 bytes, the current one first

ONLY = "1"  # the id of a key that stands alone; in a ring later, it is listed as `1:…`


def single(value: str) -> Ring:
    return ((ONLY, checked(value)),)


def several(value: str) -> Ring:
    ring = tuple(entry(word) for word in value.split(",") if word.strip())
    if len({name for name, _ in ring}) != len(ring):
        raise Malformed("names an id twice")
    return ring


def entry(word: str) -> tuple[str, Secret]:
    name, _, key = word.strip().partition(":")
    if not KEY_ID.fullmatch(name):
        raise Malformed("must be id:base64,id:base64 with ids of letters, digits, _ and -")
    return name, checked(key)


def checked(value: str) -> Secret:
    try:
        key_bytes(Secret(value))
    except ValueError as fault:
        raise Malformed(str(fault)) from None
    return Secret(value)


ONE = Name("TOKEN_ENCRYPTION_KEY", single, default=None)
MANY = Name("TOKEN_ENCRYPTION_KEYS", several, default=None)


def ring(environment: Environment) -> Ring:
    one, many = environment.value(ONE), environment.value(MANY)
    given = {ONE.name, MANY.name} & environment.given
    if not given:
        environment.faults[ONE.name] = "is missing (`signalpost keygen` makes one)"
    if len(given) > 1:
        environment.faults[ONE.name] = f"excludes {MANY.name}: set one of them"
    return many or one or ()
