"""Texts of settings as values. Pure. No message may quote the text: it may be a secret."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from core.config.environment import MalformedSetting
from platforms.secret import Secret

TRUE_WORDS, FALSE_WORDS = (
    frozenset({"1", "true", "on", "yes"}),
    frozenset({"0", "false", "off", "no"}),
)
UNIT_NAMES = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DURATION_PATTERN = re.compile(r"(\d{1,9})([smhd]?)")
RATE_PATTERN = re.compile(r"(\d{1,9})/(\d{1,6})([smhd])")
MAX_REDIRECT_URL_LENGTH = 511
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Rate:
    """So many in each window."""

    limit: int
    window: timedelta


def parse_text(value: str) -> str:
    return value


def parse_secret(value: str) -> Secret:
    return Secret(value)


def parse_words(value: str) -> tuple[str, ...]:
    """Words separated by commas or blanks."""
    return tuple(word for word in re.split(r"[,\s]+", value) if word)


def parse_secrets(value: str) -> tuple[Secret, ...]:
    return tuple(Secret(word.strip()) for word in value.split(",") if word.strip())


def parse_flag(value: str) -> bool:
    if value.lower() not in TRUE_WORDS | FALSE_WORDS:
        raise MalformedSetting("must be on or off")
    return value.lower() in TRUE_WORDS


def one_of(*words: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in words:
            raise MalformedSetting("must be one of " + ", ".join(words))
        return value

    return parse


def text_matching(pattern: str, description: str) -> Callable[[str], str]:
    """A text of this form; `said` says in words which."""

    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise MalformedSetting(f"must be {description}")
        return value

    return parse


def parse_positive_int(value: str) -> int:
    if not re.fullmatch(r"\d{1,15}", value, re.ASCII) or int(value) == 0:
        raise MalformedSetting("must be a whole number above 0")
    return int(value)


def parse_non_negative_int(value: str) -> int:
    return 0 if value == "0" else parse_positive_int(value)


def duration_in(unit: str, *, minimum: int = 0) -> Callable[[str], timedelta]:
    """A time in `unit` if it names none itself: `90`, `90s`, `15m`, `26h`, `14d`.

    Units: `least` is in `unit` too; what is shorter is refused.
    """

    def parse(value: str) -> timedelta:
        found = DURATION_PATTERN.fullmatch(value)
        if not found:
            raise MalformedSetting(f"must be a time such as 15m, or a number of {unit}")
        time = timedelta(**{UNIT_NAMES.get(found[2], unit): int(found[1])})
        if time < timedelta(**{unit: minimum}):
            raise MalformedSetting(f"must be at least {minimum} {unit}")
        return time

    return parse


def parse_durations(value: str) -> tuple[timedelta, ...]:
    return tuple(duration_in("seconds")(word) for word in parse_words(value))


def parse_rates(value: str) -> tuple[Rate, ...]:
    """`100/1m,5000/1h`: all of them hold at once."""
    found = [RATE_PATTERN.fullmatch(word) for word in parse_words(value)]
    if not all(found):
        raise MalformedSetting("must be limits such as 100/1m,5000/1h")
    return tuple(
        Rate(int(each[1]), timedelta(**{UNIT_NAMES[each[3]]: int(each[2])}))
        for each in found
        if each
    )


def split_url(value: str) -> SplitResult:
    """Errors: Malformed for what is no URL; Python's own message would quote it."""
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        raise MalformedSetting("must be a URL") from None
    return url


def parse_web_url(value: str) -> str:
    """An http(s) address without query, user or trailing slash."""
    url = split_url(value)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise MalformedSetting("must begin with http:// or https:// and name a host")
    if url.query or url.fragment or url.username is not None:
        raise MalformedSetting("must have no query, no fragment and no user")
    return value.rstrip("/")


def parse_redirect_url(value: str) -> str:
    """Compared byte by byte with what is registered at the platform, so it is kept as it is."""
    url = split_url(parse_web_url(value))
    if len(value) > MAX_REDIRECT_URL_LENGTH or set(value) & set("*?# ") or not value.isprintable():
        raise MalformedSetting(
            f"must be static and at most {MAX_REDIRECT_URL_LENGTH} characters long"
        )
    if url.scheme != "https" and url.hostname not in LOOPBACK_HOSTS:
        raise MalformedSetting("must begin with https://, but for this machine alone")
    return value
