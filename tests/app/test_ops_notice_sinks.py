"""Notices reach an HTTP address, a webhook of Slack's form and a mail server, as promised."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from core.config.settings import Settings
from core.encryption_keys import generate_key
from core.errors import Misconfigured
from core.health.notice_sinks import EmailSink, HttpSink, NotDelivered, SlackSink, build_sinks
from core.health.notices import Notice
from platforms.secret import Secret
from tests.support.certificate_authority import CertificateAuthority
from tests.support.mail_receiver import run_mail_server
from tests.support.notice_receiver import run_notice_receiver

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SIGNING_SECRET = "a-secret-that-signs-notices-01"
REQUIRED_SETTINGS = {
    "DATABASE_URL": "postgresql://127.0.0.1/app",
    "BROKER_URL": "redis://127.0.0.1/0",
    "SECRET_KEY": "a-secret-key-of-the-tests",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
}
NOTICE = Notice(
    "17-opened-1",
    "opened",
    {
        "kind": "opened",
        "at": NOW.isoformat(),
        "installation": "https://posts.example.org",
        "alert": {
            "id": 17,
            "name": "dead_letters",
            "severity": "warning",
            "details": {"measured": 3.0, "limit": 0, "unit": "events", "codes": {"a<b": 3}},
            "openedAt": NOW.isoformat(),
            "resolvedAt": None,
        },
    },
)


def parse_settings(**values):
    return Settings.from_env({**REQUIRED_SETTINGS, **values})


def now():
    return NOW


@pytest.fixture
def receiver():
    with run_notice_receiver() as receiver:
        yield receiver


def test_a_notice_over_http_is_signed_and_has_the_same_id_at_every_attempt(receiver):
    sink = HttpSink(Secret(f"{receiver.url}/"), Secret(SIGNING_SECRET), now)
    sink.send(NOTICE)
    sink.send(NOTICE)
    first, second = receiver.received
    assert first.json["id"] == second.json["id"] == first.headers["webhook-id"] == "17-opened-1"
    assert first.json["alert"]["name"] == "dead_letters"
    signed = f"17-opened-1.{int(NOW.timestamp())}.".encode() + first.body
    digest = hmac.digest(SIGNING_SECRET.encode(), signed, hashlib.sha256)
    assert first.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_a_notice_for_slack_is_a_text_with_its_characters_escaped(receiver):
    SlackSink(Secret(f"{receiver.url}/services/T0/B0/token")).send(NOTICE)
    (body,) = [json.loads(each.body) for each in receiver.received]
    assert body.keys() == {"text"}
    assert body["text"].startswith("warning: dead_letters\n3 events (limit 0)")
    assert "a&lt;b: 3" in body["text"]


def test_a_sink_that_refuses_is_named_without_its_url(receiver):
    receiver.status = 500
    with pytest.raises(NotDelivered, match="answered 500"):
        SlackSink(Secret(f"{receiver.url}/services/T0/B0/token")).send(NOTICE)
    with pytest.raises(NotDelivered) as caught:
        SlackSink(Secret("http://127.0.0.1:1/services/T0/B0/token")).send(NOTICE)
    assert "token" not in str(caught.value)


def build_email_sink(server, query="?tls=starttls"):
    port = server.server_address[1]
    settings = parse_settings(
        SMTP_URL=f"smtp://alarm%40example.org:pass%20word@127.0.0.1:{port}/{query}",
        ALERT_EMAIL="ops@example.org, night@example.org",
    )
    (sink,) = build_sinks(settings, now)
    assert isinstance(sink, EmailSink)
    return sink


def test_a_mail_goes_to_all_addresses_over_tls_that_is_verified(tmp_path, monkeypatch):
    authority = CertificateAuthority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    with run_mail_server(authority.issue("127.0.0.1")) as server:
        build_email_sink(server).send(NOTICE)
        (mail,) = server.mails
    assert "Subject: [signalpost] warning: dead_letters" in mail
    assert "Message-ID: <17-opened-1@example.org>" in mail
    assert "To: ops@example.org, night@example.org" in mail
    recipients = [each.lower() for each in server.commands if each.lower().startswith("rcpt")]
    assert recipients == ["rcpt to:<ops@example.org>", "rcpt to:<night@example.org>"]
    password = base64.b64encode(b"\0alarm@example.org\0pass word").decode()
    assert f"AUTH PLAIN {password}" in server.commands


@pytest.mark.parametrize("trusts_authority", [True, False], ids=["wrong name", "unknown authority"])
def test_no_password_is_sent_to_a_mail_server_that_cannot_prove_its_name(
    tmp_path, monkeypatch, trusts_authority
):
    authority = CertificateAuthority(tmp_path)
    name = "elsewhere.example.org" if trusts_authority else "127.0.0.1"
    if trusts_authority:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    with run_mail_server(authority.issue(name)) as server:
        with pytest.raises(NotDelivered, match="certificate is not accepted") as caught:
            build_email_sink(server).send(NOTICE)
        assert not [each for each in server.commands if each.startswith("AUTH")]
    assert "pass" not in str(caught.value)


def test_no_password_is_sent_to_a_mail_server_without_tls():
    with run_mail_server() as server:
        with pytest.raises(NotDelivered, match="SMTPNotSupportedError"):
            build_email_sink(server).send(NOTICE)
        assert not [each for each in server.commands if each.startswith("AUTH")]


def test_a_mail_server_on_this_machine_needs_no_tls():
    with run_mail_server() as server:
        build_email_sink(server, query="").send(NOTICE)
        assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("values", "name", "fault"),
    [
        ({"SLACK_WEBHOOK_URL": "hooks.example.org/x"}, "SLACK_WEBHOOK_URL", "https://"),
        ({"ALERT_WEBHOOK_URL": "https://u:p@example.org/"}, "ALERT_WEBHOOK_URL", "no user"),
        ({"ALERT_WEBHOOK_SECRET": "short"}, "ALERT_WEBHOOK_SECRET", "24 to 64"),
        ({"ALERT_EMAIL": "ops"}, "ALERT_EMAIL", "e-mail addresses"),
        ({"ALERT_EMAIL": "ops@example.org"}, "SMTP_URL", "is missing"),
        ({"SMTP_URL": "http://mail.example.org"}, "SMTP_URL", "smtp://"),
        ({"SMTP_URL": "smtp://u:p@mail.example.org?tls=none"}, "SMTP_URL", "unencrypted"),
        ({"SMTP_URL": "smtp://mail.example.org?starttls=1"}, "SMTP_URL", "tls=none"),
    ],
)
def test_a_sink_that_could_not_work_is_refused_at_start_in_words(values, name, fault):
    with pytest.raises(Misconfigured) as caught:
        parse_settings(**values)
    assert fault in caught.value.details["settings"][name]
    for value in values.values():
        assert value not in str(caught.value)


def test_sinks_have_to_be_https_in_production():
    with pytest.raises(Misconfigured) as caught:
        parse_settings(
            ENVIRONMENT="production",
            SLACK_WEBHOOK_URL="http://hooks.example.org/x",
            HEARTBEAT_URL="http://ping.example.org/x",
            ALERT_WEBHOOK_URL="http://alerts.example.org/x",
        )
    faults = caught.value.details["settings"]
    assert {"SLACK_WEBHOOK_URL", "HEARTBEAT_URL", "ALERT_WEBHOOK_URL"} <= faults.keys()


def test_the_settings_show_no_sink():
    settings = parse_settings(SLACK_WEBHOOK_URL="https://hooks.example.org/T0/token")
    assert "token" not in repr(settings) + repr(settings.alerts)
