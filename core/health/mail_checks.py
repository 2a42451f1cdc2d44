"""The check of `signalpost doctor` about mails: connect, encrypt and sign in, and send nothing."""

import smtplib
import ssl
from collections.abc import Iterator

from core.bootstrap import Services
from core.config.alerting import MailServer, Tls
from core.health.doctor_check import DoctorCheck
from core.health.mail_server import MAIL_ERRORS, describe_mail_error, open_mail_connection

NAME = "mails"
UNSET_MESSAGE = "SMTP_URL is not set: no alert and no notification is sent by e-mail"
CERTIFICATE_ADVICE = (
    "name the host in SMTP_URL as its certificate does, and give the machine the authority that"
    " issued it"
)
LOGIN_ADVICE = "compare user and password in SMTP_URL (percent-encoded) with the mail server's"
ENCRYPTION_ADVICE = (
    "smtps:// is TLS from the start (port 465), smtp:// STARTTLS (port 587): use the other one"
)
NETWORK_ADVICE = "check host and port in SMTP_URL, and whether this machine may connect there"

ADVICE_BY_ERROR: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLCertVerificationError, CERTIFICATE_ADVICE),
    (ssl.SSLError, ENCRYPTION_ADVICE),
    (smtplib.SMTPAuthenticationError, LOGIN_ADVICE),
    (smtplib.SMTPNotSupportedError, ENCRYPTION_ADVICE),
)


def check_mails(services: Services) -> Iterator[DoctorCheck]:
    """Whether the mail server takes us. To have none is a choice, not a fault."""
    server = services.settings.alerts.mail_server
    if server is None:
        yield DoctorCheck(NAME, ok=True, message=UNSET_MESSAGE)
        return
    try:
        with open_mail_connection(server) as connection:
            connection.noop()
    except MAIL_ERRORS as error:
        message = f"{server.host}:{server.port}: {describe_mail_error(error)}"
        yield DoctorCheck(NAME, ok=False, message=message, advice=find_advice(error))
    else:
        yield DoctorCheck(NAME, ok=True, message=describe_server(server))


def find_advice(error: Exception) -> str:
    return next(
        (advice for kind, advice in ADVICE_BY_ERROR if isinstance(error, kind)), NETWORK_ADVICE
    )


def describe_server(server: MailServer) -> str:
    encryption = "without TLS" if server.tls == Tls.NONE else f"TLS: {server.tls}"
    login = "signed in" if server.user else "without a login"
    return f"{server.host}:{server.port} answers, {encryption}, {login}"
