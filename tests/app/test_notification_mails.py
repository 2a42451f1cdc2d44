"""Notifications by e-mail: who gets which, once, through a real mail server."""

import email
import email.policy
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from app import notification_mailer
from app.http.context import CONTAINER_KEY
from app.notification_mailer import NotificationMailer
from core.identity.preferences import mail_notifications
from db.identity import notification_mails
from db.identity.notification_mails import NotificationMails, due_conditions
from db.identity.notifications import Notifications
from db.identity.users import User
from tests.app.conftest import BrowserClient
from tests.support.mail_receiver import run_mail_server

KINDS = ("post_failed", "new_comments")
OLDER = "UPDATE notifications SET created_at = created_at - interval '1 minute'"
NEXT_ROUND = "UPDATE users SET mail_due_at = now()"


@pytest.fixture
def mail_server():
    with run_mail_server() as server:
        yield server


@pytest.fixture
def installation(app_factory, mail_server):
    """An application with a mail server. `send()` makes one round."""
    port = mail_server.server_address[1]
    app = app_factory.create_app(
        SMTP_URL=f"smtp://127.0.0.1:{port}",
        ALERT_EMAIL_FROM="posts@example.org",
        PUBLIC_URL="http://127.0.0.1/signalpost",
    )
    container = app.extensions[CONTAINER_KEY]
    settings, now = container.settings, container.services.now
    mailer = NotificationMailer(container.database, settings, now)
    return SimpleNamespace(
        app=app, database=container.database, mailer=mailer, send=mailer.send_due
    )


@pytest.fixture
def add_notifications(installation, run_sql):
    """Adds notifications that are old enough to be sent."""

    def add(user_id, *causes, kind="post_failed"):
        with installation.database.transaction() as session:
            for cause in causes:
                Notifications(session).add(user_id, kind, cause=cause, title=cause)
        run_sql(OLDER)

    return add


@pytest.fixture
def alice(installation, make_user):
    """She has chosen two kinds."""
    user = make_user()
    with installation.database.transaction() as session:
        mail_notifications(session, user.id, KINDS)
    return user


def read_mails(server):
    return [email.message_from_string(each, policy=email.policy.default) for each in server.mails]


def list_sentences(mail):
    return [line for line in mail.get_content().splitlines() if line.startswith("- ")]


def test_three_notifications_are_one_mail_and_are_not_sent_again(
    installation, alice, add_notifications, mail_server, run_sql
):
    add_notifications(alice.id, "one", "two", "three")
    assert installation.send() == 1
    assert installation.send() == 0
    (mail,) = read_mails(mail_server)
    assert mail["Subject"] == "3 new notifications on signalpost"
    assert (mail["From"], mail["To"]) == ("posts@example.org", alice.email)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].startswith(f"<notifications-{alice.id}-")
    assert list_sentences(mail) == [
        f"- “{title}” was not posted." for title in ("one", "two", "three")
    ]
    ends = [line.rpartition(" ")[2] for line in mail.get_content().splitlines()]
    assert "http://127.0.0.1/signalpost/notifications" in ends
    assert "http://127.0.0.1/signalpost/settings/notifications" in ends
    add_notifications(alice.id, "four")
    assert installation.send() == 0
    run_sql(NEXT_ROUND)
    assert installation.send() == 1
    assert read_mails(mail_server)[1]["Subject"] == "1 new notification on signalpost"


def test_a_mail_is_in_the_language_of_the_user(
    installation, alice, add_notifications, mail_server, run_sql
):
    run_sql("UPDATE users SET locale = 'fr'")
    add_notifications(alice.id, "un", "deux")
    installation.send()
    (mail,) = read_mails(mail_server)
    assert mail["Subject"] == "2 nouvelles notifications sur signalpost"
    assert mail["Content-Language"] == "fr"
    assert "Vous recevez ce message" in mail.get_content()


def test_only_what_is_chosen_new_and_unread_is_sent(
    installation, alice, make_user, add_notifications, mail_server, run_sql
):
    bob = make_user("bob@example.org")  # has chosen nothing
    add_notifications(alice.id, "other kind", kind="post_published")
    add_notifications(alice.id, "read", "old", "sent")
    add_notifications(bob.id, "of bob")
    run_sql("UPDATE notifications SET read_at = now() WHERE cause = 'read'")
    run_sql("UPDATE notifications SET created_at = now() - interval '25 h' WHERE cause = 'old'")
    installation.send()
    (mail,) = read_mails(mail_server)
    assert list_sentences(mail) == ["- “sent” was not posted."]
    assert mail["To"] == alice.email


def test_what_is_older_than_the_choice_is_not_sent(
    installation, make_user, add_notifications, mail_server
):
    user = make_user()
    add_notifications(user.id, "before")
    with installation.database.transaction() as session:
        mail_notifications(session, user.id, KINDS)
    assert installation.send() == 0
    add_notifications(user.id, "after")
    with installation.database.transaction() as session:
        mail_notifications(session, user.id, ["post_failed"])  # a second choice passes nothing
    assert installation.send() == 1
    assert "before" not in read_mails(mail_server)[0].get_content()


def test_what_was_added_in_this_moment_waits_for_transactions_before_it(
    installation, alice, mail_server, run_sql
):
    with installation.database.transaction() as session:
        Notifications(session).add(alice.id, "post_failed", cause="young", title="young")
    assert installation.send() == 0
    run_sql(OLDER)
    assert installation.send() == 1


def test_the_disabled_and_those_of_host_applications_get_none(
    installation, alice, add_notifications, mail_server, run_sql
):
    add_notifications(alice.id, "one")
    run_sql("UPDATE users SET disabled_at = now()")
    assert installation.send() == 0
    run_sql("UPDATE users SET disabled_at = NULL, password_hash = NULL")
    assert installation.send() == 0
    run_sql("UPDATE users SET password_hash = 'x'")
    assert installation.send() == 1


def test_while_the_mail_server_is_away_nothing_is_lost(
    installation, alice, add_notifications, mail_server
):
    add_notifications(alice.id, "one")
    mail_server.shutdown()
    mail_server.server_close()
    assert installation.send() == 0
    with run_mail_server(port=mail_server.server_address[1]) as again:
        assert installation.send() == 1
        assert len(again.mails) == 1


@pytest.mark.parametrize(("refusal", "later"), [("550 no such user", 0), ("451 later", 1)])
def test_an_address_that_is_refused_holds_up_nobody(
    installation, alice, make_user, add_notifications, mail_server, run_sql, refusal, later
):
    mail_server.refusal = refusal
    add_notifications(alice.id, "one")
    assert installation.send() == 0
    mail_server.refusal = None
    bob = make_user("bob@example.org")
    with installation.database.transaction() as session:
        mail_notifications(session, bob.id, KINDS)
    add_notifications(bob.id, "two")
    assert installation.send() == 1
    assert [mail["To"] for mail in read_mails(mail_server)] == [bob.email]
    run_sql(NEXT_ROUND)
    assert installation.send() == later  # a refusal for ever is not repeated


def test_two_processes_at_once_send_one_mail(installation, alice, add_notifications, mail_server):
    add_notifications(alice.id, "one")
    with ThreadPoolExecutor(4) as pool:
        rounds = [pool.submit(installation.send) for _ in range(4)]
    assert sum(each.result() for each in rounds) == 1
    assert len(mail_server.mails) == 1


def test_after_a_crash_the_mail_comes_again_with_the_same_id(
    installation, alice, add_notifications, mail_server, run_sql
):
    """Also the control for two processes: without the lease both would send."""
    add_notifications(alice.id, "one")
    claimed = []
    for _ in range(2):
        with installation.database.transaction() as session:
            claimed += NotificationMails(session).claim(timedelta(minutes=1), limit=10)
    (mail,) = claimed  # the second found a lease
    assert installation.send() == 0
    run_sql(NEXT_ROUND)  # ends the lease of the process that died
    assert installation.send() == 1
    with installation.database.transaction() as session:
        NotificationMails(session).record_handled(mail)  # it was not dead: the cursor stays
    run_sql("UPDATE users SET mailed_up_to = 0, mail_due_at = now()")
    assert installation.send() == 1
    first, second = read_mails(mail_server)
    assert first["Message-ID"] == second["Message-ID"]


def test_many_notifications_are_read_in_parts(
    installation, alice, add_notifications, mail_server, monkeypatch, run_sql
):
    monkeypatch.setattr(notification_mails, "MAX_MAIL_LENGTH", 2)
    monkeypatch.setattr(notification_mails, "MOST_READ", 3)
    add_notifications(alice.id, *(f"other {n}" for n in range(7)), kind="post_published")
    add_notifications(alice.id, *(f"post {n}" for n in range(5)))
    for number in (1, 1, 1, 0):
        assert installation.send() == number
        run_sql(NEXT_ROUND)
    sentences = [line for mail in read_mails(mail_server) for line in list_sentences(mail)]
    assert sentences == [f"- “post {n}” was not posted." for n in range(5)]


def test_the_thread_of_a_process_sends_what_is_due(
    installation, alice, add_notifications, mail_server, monkeypatch
):
    monkeypatch.setattr(notification_mailer, "ROUND_SECONDS", 0.02)
    add_notifications(alice.id, "one")
    installation.mailer.start()
    try:
        end = time.monotonic() + 30
        while not mail_server.mails and time.monotonic() < end:
            time.sleep(0.01)
    finally:
        installation.mailer.stop()
    assert len(mail_server.mails) == 1


def test_a_round_reads_neither_all_users_nor_all_notifications(
    installation, alice, add_notifications, run_sql
):
    run_sql(
        "INSERT INTO users (email, password_hash) SELECT n || '@example.org', 'x'"
        " FROM generate_series(1, 20000) AS n"
    )
    run_sql(
        "INSERT INTO notifications (user_id, kind, cause, created_at)"
        " SELECT id, 'post_failed', n, now() - interval '1 h'"
        " FROM users, generate_series(1, 2) AS n"
    )
    run_sql("UPDATE users SET mailed_up_to = 1000000000 WHERE mailed_notifications <> '{}'")
    run_sql("ANALYZE users")
    run_sql("ANALYZE notifications")
    query = select(User.id).where(*due_conditions()).limit(1)
    sql = str(query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
    plan = "\n".join(line for (line,) in run_sql("EXPLAIN " + sql.replace(":", "\\:")))
    assert "idx_users_mail_due" in plan
    assert "idx_notifications_unread" in plan
    assert "Seq Scan" not in plan


def test_kinds_to_be_sent_are_chosen_on_the_page(installation, make_user, run_sql):
    user = make_user()
    browser = BrowserClient(installation.app, use_cookies=True).sign_in(user)
    page = browser.get("/settings/notifications").text
    assert f"is also sent to {user.email}" in page
    form = {"kind": ["post_failed"], "mailed": ["post_failed", "mention", "no kind"]}
    assert browser.post("/settings/notifications", data=form).status_code == 302
    assert run_sql("SELECT mailed_notifications FROM users") == [(["mention", "post_failed"],)]
    page = browser.get("/settings/notifications").text
    assert page.count('name="mailed"') == 14
    assert 'name="mailed" value="mention" checked' in page
    assert 'name="mailed" value="new_comments">' in page


def test_without_a_mail_server_the_page_says_so_and_a_choice_stays(client, alice, sign_in, run_sql):
    browser = sign_in(alice)
    page = browser.get("/settings/notifications").text
    assert "No mail server is configured" in page
    assert 'name="mailed"' not in page
    browser.post("/settings/notifications", data={"kind": ["post_failed"]})
    assert run_sql("SELECT mailed_notifications FROM users") == [(sorted(KINDS),)]
