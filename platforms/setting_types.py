"""Types of settings: how the text of an environment variable becomes a value.

Every function here takes text and raises ValueError with a message that continues the setting's
name ("SESSION_DAYS must be ..."). No message quotes the text, because it may be a secret. Platforms
use them for their own settings, core for the others.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, PlainValidator

from platforms.secret import Secret

TRUE_WORDS = frozenset({"1", "true", "on", "yes"})
FALSE_WORDS = frozenset({"0", "false", "off", "no"})
UNIT_NAMES = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DURATION_PATTERN = re.compile(r"(\d{1,9})([smhd]?)")
RATE_PATTERN = re.compile(r"(\d{1,9})/(\d{1,6})([smhd])")
MAX_REDIRECT_URL_LENGTH = 511
HOST_PATTERN = re.compile(r"[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?")
"""A host name in ASCII, or an IPv6 address without its brackets."""
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Rate:
    """At most `limit` uses within any `window`."""

    limit: int
    window: timedelta


def from_text(parse: Callable[[str], Any]) -> BeforeValidator:
    """Apply `parse` to text only, so that values in code are accepted as they are."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def parse_secret(value: str | Secret) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


def parse_secrets(value: str | tuple[Secret, ...]) -> tuple[Secret, ...]:
    if isinstance(value, tuple):
        return value
    return tuple(Secret(word.strip()) for word in value.split(",") if word.strip())


def parse_words(value: str) -> tuple[str, ...]:
    """Split text at commas and white space."""
    return tuple(word for word in re.split(r"[,\s]+", value) if word)


def parse_flag(value: str) -> bool:
    if value.lower() not in TRUE_WORDS | FALSE_WORDS:
        raise ValueError("must be on or off")
    return value.lower() in TRUE_WORDS


def one_of(*words: str) -> Callable[[str], str]:
    """Return a parser that accepts these words only."""

    def parse(value: str) -> str:
        if value not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return value

    return parse


def pattern_parser(pattern: str, description: str) -> Callable[[str], str]:
    """Return a parser that accepts text of this ASCII pattern; `description` is for the error."""

    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(f"must be {description}")
        return value

    return parse


parse_word = pattern_parser(r"[A-Za-z0-9_-]+", "made of A-Z, a-z, 0-9, _ and - only")
parse_digits = pattern_parser(r"\d+", "made of digits only")


def parse_positive_int(value: str) -> int:
    if not re.fullmatch(r"\d{1,15}", value, re.ASCII) or int(value) == 0:
        raise ValueError("must be a whole number above 0")
    return int(value)


def parse_non_negative_int(value: str) -> int:
    return 0 if value == "0" else parse_positive_int(value)


def duration_in(unit: str, *, minimum: int = 0) -> Callable[[str], timedelta]:
    """Return a parser for `90s`, `15m`, `26h`, `14d`, or a plain number of `unit`.

    Units: `minimum` is in `unit` too; a shorter duration is refused.
    """

    def parse(value: str) -> timedelta:
        match = DURATION_PATTERN.fullmatch(value)
        if not match:
            raise ValueError(f"must be a duration such as 15m, or a number of {unit}")
        duration = timedelta(**{UNIT_NAMES.get(match[2], unit): int(match[1])})
        if duration < timedelta(**{unit: minimum}):
            raise ValueError(f"must be at least {minimum} {unit}")
        return duration

    return parse


def parse_durations(value: str) -> tuple[timedelta, ...]:
    return tuple(duration_in("seconds")(word) for word in parse_words(value))


def parse_rates(value: str) -> tuple[Rate, ...]:
    """Parse `100/1m,5000/1h`: all rates of the list apply at the same time."""
    return tuple(parse_rate(word) for word in parse_words(value))


def parse_rate(word: str) -> Rate:
    match = RATE_PATTERN.fullmatch(word)
    if not match:
        raise ValueError("must be rates such as 100/1m,5000/1h")
    return Rate(int(match[1]), timedelta(**{UNIT_NAMES[match[3]]: int(match[2])}))


def split_url(value: str) -> SplitResult:
    """Split a URL. Errors: ValueError; Python's own message would quote the text."""
    try:
        url = urlsplit(value)
        _ = url.port  # raises ValueError for a port that is no number
    except ValueError:
        raise ValueError("must be a URL") from None
    return url


def parse_web_url(value: str) -> str:
    """Check an http(s) URL without query, fragment and user; drop trailing slashes."""
    url = split_url(value)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("must begin with http:// or https:// and name a host")
    if not HOST_PATTERN.fullmatch(url.hostname):
        raise ValueError(
            "must name a host of A-Z, a-z, 0-9, -, _ and dots; any other name in its ASCII form,"
            " which begins with xn--"
        )
    if url.query or url.fragment or url.username is not None:
        raise ValueError("must have no query, no fragment and no user")
    return value.rstrip("/")


def parse_redirect_url(value: str) -> str:
    """Check a redirect URI. It is kept unchanged: platforms compare it byte by byte."""
    url = split_url(parse_web_url(value))
    if len(value) > MAX_REDIRECT_URL_LENGTH or set(value) & set("*?# ") or not value.isprintable():
        raise ValueError(
            "must have no *, ?, # or blank, and at most "
            f"{MAX_REDIRECT_URL_LENGTH} printable characters"
        )
    if url.scheme != "https" and url.hostname not in LOOPBACK_HOSTS:
        raise ValueError("must begin with https:// (http:// is allowed for localhost only)")
    return value


def names_without_value(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of settings that have no value."""
    return tuple(name for name, value in values.items() if value is None)


Flag = Annotated[bool, from_text(parse_flag)]
PositiveInt = Annotated[int, from_text(parse_positive_int)]
NonNegativeInt = Annotated[int, from_text(parse_non_negative_int)]
Seconds = Annotated[timedelta, from_text(duration_in("seconds"))]
AtLeast1Second = Annotated[timedelta, from_text(duration_in("seconds", minimum=1))]
Minutes = Annotated[timedelta, from_text(duration_in("minutes"))]
Hours = Annotated[timedelta, from_text(duration_in("hours"))]
Days = Annotated[timedelta, from_text(duration_in("days"))]
AtLeast14Days = Annotated[timedelta, from_text(duration_in("days", minimum=14))]
Durations = Annotated[tuple[timedelta, ...], from_text(parse_durations)]
Rates = Annotated[tuple[Rate, ...], from_text(parse_rates)]
Words = Annotated[tuple[str, ...], from_text(parse_words)]
Word = Annotated[str, from_text(parse_word)]
Digits = Annotated[str, from_text(parse_digits)]
ClaimName = Annotated[str, from_text(pattern_parser(r"[\w.:/-]+", "the name of a claim"))]
GraphVersion = Annotated[str, from_text(pattern_parser(r"v\d+\.\d+", "a version such as v26.0"))]
WebUrl = Annotated[str, from_text(parse_web_url)]
RedirectUrl = Annotated[str, from_text(parse_redirect_url)]
SecretText = Annotated[Secret, PlainValidator(parse_secret)]
SecretTexts = Annotated[tuple[Secret, ...], PlainValidator(parse_secrets)]
WordSecret = Annotated[Secret, PlainValidator(lambda value: Secret(parse_word(value)))]
