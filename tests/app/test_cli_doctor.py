"""`signalpost doctor`: each fault of an installation is named with its remedy."""

import pytest

from core.encryption_keys import generate_key
from core.health.doctor import run_checks
from core.health.readiness import Readiness
from db.ops.heartbeats import Heartbeats
from platforms.instagram.config_checks import CALLBACK_PATHS
from tests.app.cli_runner import in_process_cli
from tests.app.conftest import BASE_SETTINGS
from tests.support.instagram_accounts import instagram_environ


@pytest.fixture
def run_doctor(app_factory):
    """Runs all checks with these settings and returns them by name."""

    def run(*, broker=True, probe=False, **environ):
        container = app_factory.create_app(**environ).extensions["signalpost"]
        with container.database.transaction() as session:
            Heartbeats(session).record("tick")
        readiness = Readiness(container.database, container.services, lambda: broker)
        checks = run_checks(
            container.database,
            container.services,
            readiness,
            probe=probe,
            find_broker_fault=lambda: None if broker else "refuses connections: check that it runs",
        )
        return {check.name: check for check in checks}

    return run


@pytest.fixture
def healthy_settings(tmp_path):
    return {
        "MEDIA_URL": tmp_path.as_uri(),
        "PUBLIC_URL": "http://127.0.0.1",
        "TIKTOK_REDIRECT_URI": "http://127.0.0.1/api/auth/tiktok/callback",
    }


def test_a_healthy_installation_has_no_fault(run_doctor, healthy_settings):
    checks = run_doctor(**healthy_settings)
    assert [check for check in checks.values() if not check.ok] == []
    assert {"alerts", "alarm", "notices"} <= checks.keys()
    assert {"settings", "database", "broker", "clock", "redis", "media"} <= checks.keys()


def test_open_alerts_and_notices_that_do_not_arrive_are_faults(
    run_doctor, healthy_settings, run_sql
):
    run_sql(
        "INSERT INTO alerts (name, severity, details) VALUES ('dead_letters', 'warning',"
        ' \'{"measured": 3, "unit": "events"}\')'
    )
    run_sql(
        "INSERT INTO alert_notices (alert_id, kind, content, due_at)"
        " SELECT id, 'opened', '{}', now() FROM alerts"
    )
    run_sql(
        "INSERT INTO alert_deliveries (notice_id, sink, due_at, attempts, last_error)"
        " SELECT id, 'slack', now(), 2, 'answered 404' FROM alert_notices"
    )
    sinks = {"SLACK_WEBHOOK_URL": "https://hooks.example.org/T0/secret-token"}
    checks = run_doctor(**healthy_settings, **sinks)
    assert not checks["alerts"].ok
    assert "dead_letters is open since" in checks["alerts"].message
    assert not checks["notices by slack"].ok
    assert checks["notices by slack"].message == "1 notices wait: answered 404"
    assert "signalpost alerts test" in checks["notices by slack"].advice


def test_conditions_that_nobody_judges_any_more_are_a_fault(run_doctor, healthy_settings, run_sql):
    assert run_doctor(**healthy_settings)["alarm"].ok
    run_sql(
        "INSERT INTO monitor_leases VALUES ('alerts', 'web:1', now(), now() - interval '1 hour')"
    )
    check = run_doctor(**healthy_settings)["alarm"]
    assert not check.ok
    assert "signalpost monitor" in check.advice


def test_a_wrong_redirect_uri_is_a_fault_that_names_the_right_one(run_doctor, healthy_settings):
    wrong = healthy_settings | {"TIKTOK_REDIRECT_URI": "http://127.0.0.1/callback"}
    check = run_doctor(**wrong)["tiktok redirect"]
    assert not check.ok
    assert "http://127.0.0.1/api/auth/tiktok/callback" in check.advice


@pytest.mark.parametrize(
    ("wrong", "message_part"),
    [
        ({"TIKTOK_SCOPES": "user.info.basic,video.uplaod"}, "video.uplaod"),
        ({"TIKTOK_SCOPES": "video.upload"}, "lacks user.info.basic"),
        ({"TIKTOK_CLIENT_KEY": "sbaw123"}, "TIKTOK_SANDBOX_MODE is off"),
        ({"TIKTOK_SANDBOX_MODE": "on"}, "not a sandbox key"),
    ],
)
def test_a_registration_that_the_platform_would_refuse_is_a_fault(
    run_doctor, healthy_settings, wrong, message_part
):
    check = run_doctor(**healthy_settings | wrong)["tiktok registration"]
    assert not check.ok
    assert message_part in check.message


def test_a_valid_registration_explains_how_a_wrong_one_appears(run_doctor, healthy_settings):
    check = run_doctor(**healthy_settings)["tiktok registration"]
    assert check.ok
    assert "its own error page" in check.message


def test_a_silent_broker_and_a_missing_media_folder_are_faults(run_doctor, healthy_settings):
    del healthy_settings["MEDIA_URL"]
    checks = run_doctor(broker=False, **healthy_settings)
    assert not checks["broker"].ok
    assert not checks["media"].ok


def test_an_unreachable_redis_is_a_fault(run_doctor, healthy_settings):
    assert not run_doctor(**healthy_settings, REDIS_URL="redis://127.0.0.1:1/0")["redis"].ok


def test_a_platform_that_is_off_names_its_missing_settings_and_is_no_fault(
    run_doctor, healthy_settings
):
    check = run_doctor(**healthy_settings)["instagram"]
    assert check.ok
    assert "INSTAGRAM_REDIRECT_URI" in check.message


def test_an_unreachable_public_url_is_a_fault(run_doctor, healthy_settings):
    checks = run_doctor(**healthy_settings | {"PUBLIC_URL": "http://signalpost.invalid"})
    assert not checks["https"].ok
    assert not checks["reachable"].ok


def test_a_probe_calls_the_platform_and_reports_if_it_fails(run_doctor, healthy_settings):
    checks = run_doctor(**healthy_settings, probe=True, TIKTOK_API_BASE_URL="http://127.0.0.1:1")
    assert not checks["tiktok credentials"].ok
    assert "unknown" in checks["tiktok credentials"].message


def test_a_callback_url_that_leads_elsewhere_is_a_fault(run_doctor, healthy_settings):
    instagram = instagram_environ("http://127.0.0.1:1") | {
        "INSTAGRAM_REDIRECT_URI": "http://127.0.0.1/api/auth/instagram/callback"
    }
    wrong = {"INSTAGRAM_DEAUTH_CALLBACK_URL": "http://127.0.0.1/removed"}
    check = run_doctor(**healthy_settings | instagram | wrong)["instagram registration"]
    assert not check.ok
    assert "http://127.0.0.1/api/webhooks/instagram/deauthorize" in check.message


def test_the_callback_paths_that_are_compared_are_those_of_our_routes(app_factory):
    routes = app_factory.create_app().url_map.bind("127.0.0.1")
    for path in CALLBACK_PATHS.values():
        assert routes.test(path, method="POST")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:p@h/d?schema=public", "has the parameter schema"),
        ("postgresql://u:p@h/d?pgbouncer=true", "has the parameter pgbouncer"),
        ("postgresql://u:p@ss#1@h/d", "write @ as %40"),
        ("host=h dbname=d", "in the form of keywords"),
    ],
)
def test_an_address_that_cannot_work_is_a_sentence_and_no_traceback(tmp_path, url, words):
    result = in_process_cli({**BASE_SETTINGS, "DATABASE_URL": url}, tmp_path)("doctor")
    assert result.returncode == 1
    assert "FAULT DATABASE_URL: " in result.stdout
    assert words in result.stdout


@pytest.fixture
def run_without_tables(empty_database_url, tmp_path):
    environ = {"DATABASE_URL": empty_database_url, "TOKEN_ENCRYPTION_KEY": generate_key()}
    return in_process_cli({**BASE_SETTINGS, **environ}, tmp_path)


def test_a_database_without_tables_is_named_and_the_other_checks_still_follow(run_without_tables):
    doctor = run_without_tables("doctor")
    assert "FAULT alarm: the tables are missing\n      run `signalpost migrate up`" in doctor.stdout
    assert "media" in doctor.stdout.partition("FAULT alarm")[2]


@pytest.mark.parametrize(
    "command",
    ["user list", "key list", "accounts list", "webhooks --once", "alerts list", "posts retry 1"],
)
def test_a_command_without_tables_says_what_is_missing_and_what_to_do(run_without_tables, command):
    refused = run_without_tables(*command.split())
    assert refused.returncode == 1
    assert "the tables are missing\nWhat to do: run `signalpost migrate up`" in refused.stderr
