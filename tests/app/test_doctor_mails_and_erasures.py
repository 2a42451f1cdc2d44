"""What `signalpost doctor` says about SMTP_URL and ERASURE_LIST, with a remedy for each fault."""

import pytest

from app.http.context import CONTAINER_KEY
from core.health import mail_checks, removal_checks
from core.health.mail_checks import check_mails
from core.health.removal_checks import check_removal_list
from core.removal_list import RemovalKind, own_file
from local.ports import find_free_port
from tests.support.certificate_authority import CertificateAuthority
from tests.support.mail_receiver import run_mail_server

PASSWORD = "c4n4ry-password"
LINE = '{"at": "2026-11-30T09:00:00+00:00", "kind": "key", "subject": "abc"}'


@pytest.fixture
def check(app_factory):
    """Runs the checks of one function with these settings; returns them, and that no secret
    appears."""

    def run(function, **environ):
        container = app_factory.create_app(**environ).extensions[CONTAINER_KEY]
        checks = list(function(container.services))
        assert PASSWORD not in repr(checks)
        assert all(each.ok or each.advice for each in checks)
        return checks

    return run


@pytest.fixture
def authority(tmp_path, monkeypatch):
    made = CertificateAuthority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.ca_file))
    return made


def smtp_url(server, query="?tls=starttls"):
    return f"smtp://ops:{PASSWORD}@127.0.0.1:{server.server_address[1]}/{query}"


def test_a_mail_server_is_signed_in_to_over_tls_and_gets_no_mail(check, authority):
    with run_mail_server(authority.issue("127.0.0.1")) as server:
        (found,) = check(check_mails, SMTP_URL=smtp_url(server))
        verbs = [command.partition(" ")[0].upper() for command in server.commands]
    assert found.ok
    assert "TLS: starttls, signed in" in found.message
    assert "AUTH" in verbs
    assert not {"MAIL", "RCPT", "DATA"} & set(verbs)
    assert server.mails == []


def test_a_refused_login_a_wrong_certificate_and_no_tls_have_remedies(check, authority):
    with run_mail_server(authority.issue("127.0.0.1")) as server:
        server.login_refusal = "535 bad credentials"
        (login,) = check(check_mails, SMTP_URL=smtp_url(server))
    with run_mail_server(authority.issue("elsewhere.example.org")) as server:
        (certificate,) = check(check_mails, SMTP_URL=smtp_url(server))
    with run_mail_server() as server:
        (encryption,) = check(check_mails, SMTP_URL=smtp_url(server))
    (network,) = check(check_mails, SMTP_URL=f"smtp://127.0.0.1:{find_free_port()}")
    assert [each.advice for each in (login, certificate, encryption, network)] == [
        mail_checks.LOGIN_ADVICE,
        mail_checks.CERTIFICATE_ADVICE,
        mail_checks.ENCRYPTION_ADVICE,
        mail_checks.NETWORK_ADVICE,
    ]
    assert "535" in login.message
    assert not any(each.ok for each in (login, certificate, encryption, network))


def test_without_a_mail_server_and_without_a_list_nothing_is_a_fault(check):
    (mails,) = check(check_mails)
    (erasures,) = check(check_removal_list)
    assert (mails.ok, erasures.ok) == (True, True)
    assert "ERASURE_LIST is not set" in erasures.message


def test_a_list_is_counted_and_left_as_it_is(check, app_factory, tmp_path):
    folder = tmp_path / "erasures"
    (missing,) = check(check_removal_list, ERASURE_LIST=str(folder))
    assert missing.ok
    assert not folder.exists()
    container = app_factory.create_app(ERASURE_LIST=str(folder)).extensions[CONTAINER_KEY]
    with container.database.transaction() as session:
        session.info["removal_list"].add(RemovalKind.KEY, "1")
    before = own_file(folder).read_bytes()
    (found,) = check(check_removal_list, ERASURE_LIST=str(folder))
    assert (found.ok, found.message) == (True, f"{folder} has 1 lines")
    assert own_file(folder).read_bytes() == before


def test_lines_that_a_restore_would_leave_out_are_counted(check, tmp_path):
    lines = (LINE, "cut off {", '{"at": "x"}', '{"kind": "key"}', LINE)
    (tmp_path / "removals-other.jsonl").write_text("\n".join(lines))
    (found,) = check(check_removal_list, ERASURE_LIST=str(tmp_path))
    assert (found.ok, found.advice) == (False, removal_checks.LINE_ADVICE)
    assert "3 of 5 lines" in found.message


def test_a_list_inside_of_the_database_or_below_a_file_is_a_fault(check, tmp_path):
    database = tmp_path / "postgres"
    database.mkdir()
    (database / "PG_VERSION").write_text("16")
    inside, _ = check(check_removal_list, ERASURE_LIST=str(database / "pg_wal" / "erasures"))
    assert (inside.ok, inside.advice) == (False, removal_checks.PLACE_ADVICE)
    blocked = tmp_path / "file"
    blocked.write_text("")
    unwritable, _ = check(check_removal_list, ERASURE_LIST=str(blocked / "erasures"))
    assert (unwritable.ok, unwritable.advice) == (False, removal_checks.WRITE_ADVICE)
