"""Where notices are sent: an HTTP address, an incoming webhook of Slack's form, e-mail.

No URL and no password of a sink appears in a log line or an error.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

from core.config.alerting import MailServer
from core.config.settings import Settings
from core.health.mail_server import (
    MAIL_ERRORS,
    describe_mail_error,
    find_sender,
    open_mail_connection,
)
from core.health.notices import Notice
from core.outbox.signing import KEY_PREFIX, signature_headers
from platforms.errors import PlatformError
from platforms.http import NO_RETRY, HttpClient
from platforms.secret import Secret

SUCCESS_STATUSES = range(200, 300)
HTTP, SLACK, EMAIL = SINK_NAMES = ("http", "slack", "email")


class NotDelivered(Exception):
    """A sink did not take a notice. The text names the reason, and no secret."""


class NoticeSink(Protocol):
    name: str

    def send(self, notice: Notice) -> None:
        """Send one notice. Errors: NotDelivered."""


class HttpSink:
    """Posts JSON, signed after Standard Webhooks 1.0 if there is a secret."""

    name = HTTP

    def __init__(
        self, url: Secret, signing_secret: Secret | None, now: Callable[[], datetime]
    ) -> None:
        self._url, self._now = url, now
        self._secret = signing_secret
        self._client = HttpClient()

    def send(self, notice: Notice) -> None:
        body = json.dumps(
            {"id": notice.id, "title": notice.title, "text": notice.text, **notice.content}
        ).encode()
        headers = {"Content-Type": "application/json", "webhook-id": notice.id}
        if self._secret is not None:
            key = Secret(KEY_PREFIX + b64encode(self._secret.reveal().encode()).decode())
            headers |= signature_headers(notice.id, body, at=self._now(), signing_secrets=[key])
        post_notice(self._client, self._url, body, headers)


class SlackSink:
    """Posts `{"text": …}`, as Slack, Mattermost, Rocket.Chat and others take it.

    Source: docs.slack.dev, "Sending messages using incoming webhooks" (read 2026-11-29).
    """

    name = SLACK

    def __init__(self, url: Secret) -> None:
        self._url = url
        self._client = HttpClient()

    def send(self, notice: Notice) -> None:
        body = json.dumps({"text": escape_slack_text(notice.text)}).encode()
        post_notice(self._client, self._url, body, {"Content-Type": "application/json"})


class EmailSink:
    """Sends a plain text mail to all addresses, over TLS that is verified by chain and name."""

    name = EMAIL

    def __init__(
        self,
        server: MailServer,
        addresses: tuple[str, ...],
        sender: str,
        now: Callable[[], datetime],
    ) -> None:
        self._server, self._addresses = server, addresses
        self._sender, self._now = sender, now

    def send(self, notice: Notice) -> None:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = ", ".join(self._addresses)
        message["Subject"] = f"[signalpost] {notice.title}"
        message["Date"] = format_datetime(self._now())
        message["Message-ID"] = f"<{notice.id}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notice.text)
        try:
            self._deliver(message)
        except MAIL_ERRORS as error:
            raise NotDelivered(describe_mail_error(error)) from None

    def _deliver(self, message: EmailMessage) -> None:
        with open_mail_connection(self._server) as connection:
            refused = connection.send_message(message)
        if refused:
            raise NotDelivered(f"{len(refused)} of the addresses were refused")


def build_sinks(settings: Settings, now: Callable[[], datetime]) -> list[NoticeSink]:
    """Build every sink that the settings name."""
    alerts = settings.alerts
    sinks: list[NoticeSink] = []
    if alerts.webhook_url is not None:
        sinks.append(HttpSink(alerts.webhook_url, alerts.webhook_secret, now))
    if alerts.slack_url is not None:
        sinks.append(SlackSink(alerts.slack_url))
    if alerts.addresses and alerts.mail_server is not None:
        sender = find_sender(alerts, settings.public_url)
        sinks.append(EmailSink(alerts.mail_server, alerts.addresses, sender, now))
    return sinks


def post_notice(client: HttpClient, url: Secret, body: bytes, headers: dict[str, str]) -> None:
    """POST once. Errors: NotDelivered. `HttpClient` logs the host alone."""
    try:
        response = client.call(
            "POST", url.reveal(), endpoint="alert", retry=NO_RETRY, headers=headers, data=body
        )
    except PlatformError as error:
        raise NotDelivered(f"{error.code}: {error}") from None
    if response.status not in SUCCESS_STATUSES:
        raise NotDelivered(f"answered {response.status}")


def escape_slack_text(text: str) -> str:
    """Escape the three characters that Slack reads as its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
