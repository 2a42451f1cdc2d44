"""Settings of the alarm: who judges the alert conditions, and where notices go."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import parse_qs, unquote

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from platforms.secret import Secret
from platforms.setting_types import LOOPBACK_HOSTS, Hours, from_text, parse_words, split_url

ADDRESS_PATTERN = re.compile(r"[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,255}")
DEFAULT_PORTS = {"smtp": 587, "smtps": 465}
MIN_KEY_LENGTH, MAX_KEY_LENGTH = 24, 64  # characters of a secret that signs


class Tls:
    """How a connection to a mail server is encrypted."""

    IMPLICIT, STARTTLS, NONE = "implicit", "starttls", "none"


@dataclass(frozen=True)
class MailServer:
    """A mail server; `tls` is one of `Tls`. Certificates are verified by chain and name."""

    host: str
    port: int
    tls: str
    user: str
    password: Secret


def parse_sink_url(value: str | Secret) -> Secret:
    """Check the URL of a sink. It is a secret: such URLs contain the right to send."""
    if isinstance(value, Secret):
        return value
    url = split_url(value)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("must begin with https:// and name a host")
    if url.username is not None or url.fragment:
        raise ValueError("must have no user and no fragment")
    return Secret(value)


def parse_signing_secret(value: str | Secret) -> Secret:
    if isinstance(value, Secret):
        return value
    if not MIN_KEY_LENGTH <= len(value) <= MAX_KEY_LENGTH:
        raise ValueError(f"must have {MIN_KEY_LENGTH} to {MAX_KEY_LENGTH} characters")
    return Secret(value)


def parse_addresses(value: str | tuple[str, ...]) -> tuple[str, ...]:
    words = parse_words(value) if isinstance(value, str) else value
    if not all(ADDRESS_PATTERN.fullmatch(word) for word in words):
        raise ValueError("must be e-mail addresses, separated by commas")
    return words


def parse_address(value: str) -> str:
    if not ADDRESS_PATTERN.fullmatch(value):
        raise ValueError("must be one e-mail address")
    return value


def parse_smtp_url(value: str | MailServer) -> MailServer:
    """Parse `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465` (TLS from the start).

    Unencrypted only to this machine, or with the explicit `?tls=none` and without a password.
    """
    if isinstance(value, MailServer):
        return value
    url = split_url(value)
    if url.scheme not in DEFAULT_PORTS or not url.hostname:
        raise ValueError("must be smtp://host:587 or smtps://host:465")
    words = parse_qs(url.query).get("tls", [])
    if url.query and words not in (["none"], ["starttls"]):
        raise ValueError("may have ?tls=none or ?tls=starttls, and no other parameter")
    is_local = url.hostname in LOOPBACK_HOSTS
    tls = words[0] if words else (Tls.NONE if is_local else Tls.STARTTLS)
    if url.scheme == "smtps":
        tls = Tls.IMPLICIT
    if tls == Tls.NONE and url.password and not is_local:
        raise ValueError("has ?tls=none: the password would be sent unencrypted")
    return MailServer(
        url.hostname,
        url.port or DEFAULT_PORTS[url.scheme],
        tls,
        unquote(url.username or ""),
        Secret(unquote(url.password or "")),
    )


SinkUrl = Annotated[Secret, PlainValidator(parse_sink_url)]


class AlertSettings(BaseModel):
    """Units: durations are timedelta."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    monitor: Literal["web", "off"] = Field(default="web", validation_alias="ALERT_MONITOR")
    webhook_url: SinkUrl | None = Field(default=None, validation_alias="ALERT_WEBHOOK_URL")
    webhook_secret: Annotated[Secret, PlainValidator(parse_signing_secret)] | None = Field(
        default=None, validation_alias="ALERT_WEBHOOK_SECRET"
    )
    slack_url: SinkUrl | None = Field(default=None, validation_alias="SLACK_WEBHOOK_URL")
    addresses: Annotated[tuple[str, ...], PlainValidator(parse_addresses)] = Field(
        default=(), validation_alias="ALERT_EMAIL"
    )
    sender: Annotated[str, from_text(parse_address)] | None = Field(
        default=None, validation_alias="ALERT_EMAIL_FROM"
    )
    mail_server: Annotated[MailServer, PlainValidator(parse_smtp_url)] | None = Field(
        default=None, validation_alias="SMTP_URL"
    )
    heartbeat_url: SinkUrl | None = Field(default=None, validation_alias="HEARTBEAT_URL")
    reminder_interval: Hours = Field(
        default=timedelta(hours=4), validation_alias="ALERT_REMINDER_HOURS"
    )
