"""Rules about secrets in production: long enough, random, and each for one purpose.

The faults quote no value.
"""

from collections.abc import Iterator, Mapping

from core.encryption_keys import decode_key
from platforms.secret import Secret

MIN_OWN_LENGTHS = {"SECRET_KEY": 32, "JWT_SECRET": 32, "WORKER_SECRET": 16, "METRICS_TOKEN": 16}
MIN_LENGTHS_BY_SUFFIX = {"_WEBHOOK_SECRET": 16, "_VERIFY_TOKEN": 12}
"""Ending of a name → least length. The secrets of apps are issued by the platforms."""

FLOWER_SETTING = "FLOWER_BASIC_AUTH"
MIN_FLOWER_PASSWORD = 12  # characters
MIN_DIFFERENT_BYTES = 16  # of the 32 of an encryption key
ENCRYPTION_KEYS = ("TOKEN_ENCRYPTION_KEY", "TOKEN_ENCRYPTION_KEYS")
OWN_SECRETS = (*MIN_OWN_LENGTHS, *ENCRYPTION_KEYS, FLOWER_SETTING)
"""Secrets that we choose. A webhook secret may be that of the app: platforms sign with it."""


def find_secret_faults(texts: Mapping[str, str]) -> dict[str, str]:
    """Return setting names with their faults. Shapes: `texts` holds the settings that are set."""
    faults = find_repeated_secrets(texts)
    for name, text in texts.items():
        if name == FLOWER_SETTING:
            fault = flower_fault(text)
        elif name in ENCRYPTION_KEYS:
            fault = randomness_fault(name, text)
        else:
            fault = length_fault(name, text)
        if fault is not None:
            faults[name] = fault
    return faults


def length_fault(name: str, text: str) -> str | None:
    """Every secret of a list has to be long enough: each of them is accepted."""
    suffixes = (length for suffix, length in MIN_LENGTHS_BY_SUFFIX.items() if name.endswith(suffix))
    minimum = MIN_OWN_LENGTHS.get(name) or next(suffixes, 0)
    words = [text] if name in MIN_OWN_LENGTHS else split_list(text)
    if any(len(word) < minimum for word in words):
        return f"must have at least {minimum} characters"
    return None


def flower_fault(text: str) -> str | None:
    """Flower accepts several pairs, separated by commas."""
    pairs = [pair.partition(":") for pair in split_list(text)]
    if all(name and len(password) >= MIN_FLOWER_PASSWORD for name, _, password in pairs):
        return None
    return f"must be name:password with at least {MIN_FLOWER_PASSWORD} characters of password"


def randomness_fault(name: str, text: str) -> str | None:
    """A key that was made by hand: zeros, or a few bytes repeated.

    Of 32 random bytes about 30 differ; fewer than 16 would not come up in any lifetime. What is no
    key at all has a fault of its own.
    """
    try:
        keys = [decode_key(Secret(secret)) for secret in iter_secrets(name, text)]
    except ValueError:
        return None
    if any(len(set(key)) < MIN_DIFFERENT_BYTES for key in keys):
        return "is not random: make one with `signalpost keygen`"
    return None


def find_repeated_secrets(texts: Mapping[str, str]) -> dict[str, str]:
    """Faults of secrets that serve another purpose already: who learns one would have both."""
    first_uses: dict[str, str] = {}
    faults = {}
    for name in OWN_SECRETS:
        for secret in iter_secrets(name, texts.get(name, "")):
            first_use = first_uses.setdefault(secret, name)
            if first_use != name:
                faults[name] = f"must differ from {first_use}: a secret serves one purpose"
    return faults


def iter_secrets(name: str, text: str) -> Iterator[str]:
    """The secrets in a value: without the ids of keys and the names of users."""
    if name in MIN_OWN_LENGTHS:
        yield from [text] if text else []
    else:
        for word in split_list(text):
            yield word.rpartition(":")[2]


def split_list(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
