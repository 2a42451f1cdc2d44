"""The connection to the mail server of SMTP_URL, and who mails are from.

No password and no address of a user appears in an error's description.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from core.config.alerting import AlertSettings, MailServer, Tls

SMTP_TIMEOUT_SECONDS = 10.0  # for each step of the exchange
MAIL_ERRORS = (smtplib.SMTPException, OSError)


@contextmanager
def open_mail_connection(server: MailServer) -> Iterator[smtplib.SMTP]:
    """Connect and sign in, over TLS that is verified by chain and name. Errors: MAIL_ERRORS."""
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
        yield connection


def find_sender(alerts: AlertSettings, public_url: str) -> str:
    """ALERT_EMAIL_FROM, else the address that signs in, else one of the host of PUBLIC_URL."""
    if alerts.sender is not None:
        return alerts.sender
    if alerts.mail_server is not None and "@" in alerts.mail_server.user:
        return alerts.mail_server.user
    return f"signalpost@{urlsplit(public_url).hostname or 'localhost'}"


def describe_mail_error(error: Exception) -> str:
    """The reason without what the server quotes, which may be an address or a password."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    return type(error).__name__
