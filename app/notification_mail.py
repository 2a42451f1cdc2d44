"""The e-mail that brings new notifications to one user."""

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from app.http.i18n import gettext_noop, load_catalogue
from app.http.messages import LOCALES, supported_locale
from app.notification_texts import write_sentence
from core.config.settings import Settings
from core.health.mail_server import find_sender
from db.identity.notification_mails import DueMail

INTRODUCTION = gettext_noop("This is new on signalpost:")
LIST_LINE = gettext_noop("All notifications: %(url)s")
REASON_LINE = gettext_noop(
    "You get this e-mail because you chose it. Choose what is sent, or nothing: %(url)s"
)


def build_mail(mail: DueMail, settings: Settings, *, at: datetime) -> EmailMessage:
    """Build a plain text mail in the user's language.

    Its id follows from the user and the last notification, so that a repetition has the same one.
    """
    locale = supported_locale(mail.locale or LOCALES[0])
    ngettext = load_catalogue(locale).ngettext
    number = len(mail.notifications)
    subject = ngettext(
        "%(num)d new notification on signalpost", "%(num)d new notifications on signalpost", number
    )
    sender = find_sender(settings.alerts, settings.public_url)
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.email
    message["Subject"] = subject % {"num": number}
    message["Date"] = format_datetime(at)
    last_id = mail.notifications[-1].id
    message["Message-ID"] = f"<notifications-{mail.user_id}-{last_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(write_text(mail, locale, settings.public_url), cte="quoted-printable")
    message["Content-Language"] = locale
    return message


def write_text(mail: DueMail, locale: str, public_url: str) -> str:
    translate = load_catalogue(locale).gettext
    base_url = public_url.rstrip("/")
    sentences = (write_sentence(each, locale) for each in mail.notifications)
    lines = [
        translate(INTRODUCTION),
        "",
        *(f"- {' '.join(sentence.split())}" for sentence in sentences),
        "",
        translate(LIST_LINE) % {"url": f"{base_url}/notifications"},
        "",
        translate(REASON_LINE) % {"url": f"{base_url}/settings/notifications"},
    ]
    return "\n".join(lines) + "\n"
