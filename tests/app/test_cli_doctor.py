import pytest

from core.health.doctor import run_checks
from core.health.readiness import Readiness
from db.ops.heartbeats import Heartbeats


@pytest.fixture
def run_doctor(app_factory):
    """Checks by name of a house with these settings."""

    def look(*, broker=True, probe=False, **environ):
        container = app_factory.create_app(**environ).extensions["signalpost"]
        with container.database.transaction() as session:
            Heartbeats(session).record("tick")
        readiness = Readiness(container.database, container.services, lambda: broker)
        found = run_checks(container.database, container.services, readiness, probe=probe)
        return {check.name: check for check in found}

    return look


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
    assert {"settings", "database", "broker", "clock", "redis", "media"} <= checks.keys()


def test_a_redirect_that_leads_elsewhere_is_a_fault_with_the_right_one_named(
    run_doctor, healthy_settings
):
    wrong = healthy_settings | {"TIKTOK_REDIRECT_URI": "http://127.0.0.1/callback"}
    check = run_doctor(**wrong)["tiktok redirect"]
    assert not check.ok
    assert "http://127.0.0.1/api/auth/tiktok/callback" in check.advice


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"TIKTOK_SCOPES": "user.info.basic,video.uplaod"}, "video.uplaod"),
        ({"TIKTOK_SCOPES": "video.upload"}, "lacks user.info.basic"),
        ({"TIKTOK_CLIENT_KEY": "sbaw123"}, "TIKTOK_SANDBOX_MODE is off"),
        ({"TIKTOK_SANDBOX_MODE": "on"}, "not a sandbox key"),
    ],
)
def test_what_the_platform_would_answer_with_a_page_of_its_own_is_found_here(
    run_doctor, healthy_settings, wrong, said
):
    check = run_doctor(**healthy_settings | wrong)["tiktok registration"]
    assert not check.ok
    assert said in check.message


def test_a_registration_without_doubts_says_how_a_wrong_one_shows(run_doctor, healthy_settings):
    check = run_doctor(**healthy_settings)["tiktok registration"]
    assert check.ok
    assert "page of its own" in check.message


def test_a_silent_broker_and_a_missing_media_folder_are_faults(run_doctor, healthy_settings):
    del healthy_settings["MEDIA_URL"]
    checks = run_doctor(broker=False, **healthy_settings)
    assert not checks["broker"].ok
    assert not checks["media"].ok


def test_redis_away_is_a_fault(run_doctor, healthy_settings):
    assert not run_doctor(**healthy_settings, REDIS_URL="redis://127.0.0.1:1/0")["redis"].ok


def test_a_platform_that_is_off_says_what_it_lacks_and_is_no_fault(run_doctor, healthy_settings):
    check = run_doctor(**healthy_settings)["instagram"]
    assert check.ok
    assert "INSTAGRAM_REDIRECT_URI" in check.message


def test_a_public_address_that_nobody_answers_is_a_fault(run_doctor, healthy_settings):
    checks = run_doctor(**healthy_settings | {"PUBLIC_URL": "http://house.invalid"})
    assert not checks["https"].ok
    assert not checks["reachable"].ok


def test_a_probe_asks_the_platform_and_says_if_it_cannot(run_doctor, healthy_settings):
    checks = run_doctor(**healthy_settings, probe=True, TIKTOK_API_BASE_URL="http://127.0.0.1:1")
    assert not checks["tiktok credentials"].ok
    assert "unknown" in checks["tiktok credentials"].message
