"""Texts of settings as values. Pure. No message may quote the text: it may be a secret."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from core.config.environment import Malformed
from platforms.secret import Secret

YES, NO = frozenset({"1", "true", "on", "yes"}), frozenset({"0", "false", "off", "no"})
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DURATION = re.compile(r"(\d{1,9})([smhd]?)")
WINDOW = re.compile(r"(\d{1,9})/(\d{1,6})([smhd])")
LONGEST_REDIRECT = 511
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Rate:
    """So many in each window."""

    limit: int
    window: timedelta


def text(value: str) -> str:
    return value


def secret(value: str) -> Secret:
    return Secret(value)


def several(value: str) -> tuple[str, ...]:
    """Words separated by commas or blanks."""
    return tuple(word for word in re.split(r"[,\s]+", value) if word)


def secrets(value: str) -> tuple[Secret, ...]:
    return tuple(Secret(word.strip()) for word in value.split(",") if word.strip())


def flag(value: str) -> bool:
    if value.lower() not in YES | NO:
        raise Malformed("must be on or off")
    return value.lower() in YES


def one_of(*words: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in words:
            raise Malformed("must be one of " + ", ".join(words))
        return value

    return parse


def like(pattern: str, said: str) -> Callable[[str], str]:
    """A text of this form; `said` says in words which."""

    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise Malformed(f"must be {said}")
        return value

    return parse


def count(value: str) -> int:
    if not re.fullmatch(r"\d{1,15}", value, re.ASCII) or int(value) == 0:
        raise Malformed("must be a whole number above 0")
    return int(value)


def natural(value: str) -> int:
    return 0 if value == "0" else count(value)


def lasting(unit: str, *, least: int = 0) -> Callable[[str], timedelta]:
    """A time in `unit` if it names none itself: `90`, `90s`, `15m`, `26h`, `14d`.

    Units: `least` is in `unit` too; what is shorter is refused.
    """

    def parse(value: str) -> timedelta:
        found = DURATION.fullmatch(value)
        if not found:
            raise Malformed(f"must be a time such as 15m, or a number of {unit}")
        time = timedelta(**{UNITS.get(found[2], unit): int(found[1])})
        if time < timedelta(**{unit: least}):
            raise Malformed(f"must be at least {least} {unit}")
        return time

    return parse


def delays(value: str) -> tuple[timedelta, ...]:
    return tuple(lasting("seconds")(word) for word in several(value))


def rates(value: str) -> tuple[Rate, ...]:
    """`100/1m,5000/1h`: all of them hold at once."""
    found = [WINDOW.fullmatch(word) for word in several(value)]
    if not all(found):
        raise Malformed("must be limits such as 100/1m,5000/1h")
    return tuple(
        Rate(int(each[1]), timedelta(**{UNITS[each[3]]: int(each[2])})) for each in found if each
    )


def split(value: str) -> SplitResult:
    """Errors: Malformed for what is no URL; Python's own message would quote it."""
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        raise Malformed("must be a URL") from None
    return url


def web_url(value: str) -> str:
    """An http(s) address without query, user or trailing slash."""
    url = split(value)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise Malformed("must begin with http:// or https:// and name a host")
    if url.query or url.fragment or url.username is not None:
        raise Malformed("must have no query, no fragment and no user")
    return value.rstrip("/")


def redirect_url(value: str) -> str:
    """Compared byte by byte with what is registered at the platform, so it is kept as it is."""
    url = split(web_url(value))
    if len(value) > LONGEST_REDIRECT or set(value) & set("*?# ") or not value.isprintable():
        raise Malformed(f"must be static and at most {LONGEST_REDIRECT} characters long")
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        raise Malformed("must begin with https://, but for this machine alone")
    return value
