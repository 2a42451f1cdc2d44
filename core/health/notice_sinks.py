"""Where notices are sent: an HTTP address, an incoming webhook of Slack's form, e-mail.

No URL and no password of a sink appears in a log line or an error.
"""

import json
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import urlsplit

from core.config.alerting import AlertSettings, MailServer, Tls
from core.config.settings import Settings
from core.health.notices import Notice
from core.outbox.signing import KEY_PREFIX, signature_headers
from platforms.errors import PlatformError
from platforms.http import NO_RETRY, HttpClient
from platforms.secret import Secret

SUCCESS_STATUSES = range(200, 300)
SMTP_TIMEOUT_SECONDS = 10.0  # for each step of the exchange
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
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(describe_mail_error(error)) from None

    def _deliver(self, message: EmailMessage) -> None:
        server = self._server
        tls_context = ssl.create_default_context()
        if server.tls == Tls.IMPLICIT:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=SMTP_TIMEOUT_SECONDS, context=tls_context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=SMTP_TIMEOUT_SECONDS)
        with connection:
            if server.tls == Tls.STARTTLS:
                connection.starttls(context=tls_context)
            if server.user:
                connection.login(server.user, server.password.reveal())
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
        sender = alerts.sender or default_sender(alerts, settings.public_url)
        sinks.append(EmailSink(alerts.mail_server, alerts.addresses, sender, now))
    return sinks


def default_sender(alerts: AlertSettings, public_url: str) -> str:
    """The address that signs in at the mail server, or one of the host of PUBLIC_URL."""
    if alerts.mail_server is not None and "@" in alerts.mail_server.user:
        return alerts.mail_server.user
    return f"signalpost@{urlsplit(public_url).hostname or 'localhost'}"


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


def describe_mail_error(error: Exception) -> str:
    """The reason without what the server quotes, which may be an address or a password."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    return type(error).__name__
