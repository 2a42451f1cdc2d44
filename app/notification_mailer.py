"""Sends new notifications by e-mail to those who chose it, once a minute.

It runs beside the monitor, in a thread of its own: a mail server that hangs delays no alert. A user
is leased, the mail is sent while no transaction is open, then the user's cursor moves. If the
process dies between the last two, the mail is sent again with the same id. Decision 0075.
"""

import smtplib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event, Thread

import structlog

from app.notification_mail import build_mail
from core.config.settings import Settings
from core.health.mail_server import MAIL_ERRORS, describe_mail_error, open_mail_connection
from db.identity.notification_mails import DueMail, NotificationMails
from db.session import Database, DatabaseUnavailable

ROUND_SECONDS = 60.0
USERS_PER_CLAIM = 10
CLAIMS_PER_ROUND = 50
LEASE = timedelta(minutes=10)  # longer than the mails of one claim take
RETRY_DELAY = timedelta(seconds=50)  # until the next round
LONG_RETRY_DELAY = timedelta(minutes=10)
"""After a mail that the server put off, or may have taken although its answer did not arrive."""

PERMANENT_CODES = range(500, 600)  # of SMTP; codes 4xx mean: try again (RFC 5321, section 4.2.1)

log = structlog.get_logger(__name__)


class NotificationMailer:
    """`start` runs it in a thread, `send_due` makes one round in this one."""

    def __init__(self, database: Database, settings: Settings, now: Callable[[], datetime]) -> None:
        self._database, self._settings, self._now = database, settings, now
        self._should_stop = Event()

    def start(self) -> None:
        """Start the thread, if there is a mail server."""
        if self._settings.alerts.mail_server is not None:
            Thread(target=self._run, name="notification-mails", daemon=True).start()

    def stop(self) -> None:
        self._should_stop.set()

    def _run(self) -> None:
        while not self._should_stop.wait(ROUND_SECONDS):
            try:
                self.send_due()
            except DatabaseUnavailable as error:
                log.warning("notification_mails.postponed", error=str(error))
            except Exception as error:
                log.exception("notification_mails.failed", error=type(error).__name__)

    def send_due(self) -> int:
        """Send what is due, and return how many mails the server took.

        Without a mail server, or while it is away, nothing changes. Errors: DatabaseUnavailable.
        """
        server = self._settings.alerts.mail_server
        if server is None or not self._has_due():
            return 0
        sent = 0
        try:
            with open_mail_connection(server) as connection:
                for _ in range(CLAIMS_PER_ROUND):
                    mails, is_last = self._claim()
                    sent += self._send_mails(connection, mails)
                    if is_last or self._should_stop.is_set():
                        break
        except MAIL_ERRORS as error:
            log.warning("notification_mails.postponed", error=describe_mail_error(error))
        return sent

    def _has_due(self) -> bool:
        with self._database.transaction() as session:
            return NotificationMails(session).has_due()

    def _claim(self) -> tuple[list[DueMail], bool]:
        """Return mails, and whether there are no more users to look at."""
        with self._database.transaction() as session:
            mails = NotificationMails(session)
            return mails.claim(LEASE, limit=USERS_PER_CLAIM), not mails.has_due()

    def _send_mails(self, connection: smtplib.SMTP, mails: Sequence[DueMail]) -> int:
        """Send these one after the other. Errors: MAIL_ERRORS; the rest is then due later."""
        sent = 0
        for position, mail in enumerate(mails):
            try:
                is_sent = self._send_mail(connection, mail)
            except MAIL_ERRORS:
                self._postpone(mails[position : position + 1], LONG_RETRY_DELAY)
                self._postpone(mails[position + 1 :], RETRY_DELAY)
                raise
            sent += is_sent
        return sent

    def _send_mail(self, connection: smtplib.SMTP, mail: DueMail) -> bool:
        """Whether the server took the mail. One that it will never take is passed over."""
        try:
            connection.send_message(build_mail(mail, self._settings, at=self._now()))
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            code = find_code(error)
            log.warning("notification_mail.refused", user=mail.user_id, code=code)
            if code not in PERMANENT_CODES:
                self._postpone([mail], LONG_RETRY_DELAY)
                return False
            self._record_handled(mail)
            return False
        except (smtplib.SMTPNotSupportedError, ValueError) as error:  # the address cannot be sent
            log.warning("notification_mail.refused", user=mail.user_id, error=type(error).__name__)
            self._record_handled(mail)
            return False
        self._record_handled(mail)
        log.info("notification_mail.sent", user=mail.user_id, number=len(mail.notifications))
        return True

    def _record_handled(self, mail: DueMail) -> None:
        with self._database.transaction() as session:
            NotificationMails(session).record_handled(mail)

    def _postpone(self, mails: Sequence[DueMail], delay: timedelta) -> None:
        with self._database.transaction() as session:
            NotificationMails(session).postpone([mail.user_id for mail in mails], delay)


def find_code(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> int:
    """The code with which the server refused the only recipient, or the text."""
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code
    return next(code for code, _ in error.recipients.values())
