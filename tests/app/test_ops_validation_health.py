"""The health of stores and platforms at /api/validation/health, with accounts in numbers."""

from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from app.http.context import CONTAINER_KEY
from core.health.credential_probes import NO_ANSWER, CredentialProbes
from core.health.readiness import Readiness
from core.limits.redis_client import RedisClient
from platforms.errors import AppRefused, PlatformError, Unavailable

ROUTE = "/api/validation/health"
NO_ACCOUNTS = {
    "total": 0,
    "active": 0,
    "expired": 0,
    "expiringWithinHour": 0,
    "needsReconnect": 0,
}


class CountedFlow:
    """A platform at the wire's end that answers each exchanged code in the same way."""

    def __init__(self, error):
        self.calls, self.error = 0, error

    def exchange_code(self, _code, **_more):
        self.calls += 1
        raise self.error


class SilentFlow:
    """A platform that does not answer until the test lets it."""

    def __init__(self):
        self.may_answer = Event()

    def exchange_code(self, _code, **_more):
        self.may_answer.wait(30)
        raise Unavailable


@pytest.fixture
def change_container(app, container, monkeypatch):
    """Replaces parts of the container; the broker answers."""

    def change(**parts):
        readiness = Readiness(container.database, container.services, lambda: True)
        changed = replace(container, **{"readiness": readiness, **parts})
        monkeypatch.setitem(app.extensions, CONTAINER_KEY, changed)

    change()
    return change


@pytest.fixture
def read_health(admin_client, change_container):
    def read(**query):
        response = admin_client.get(ROUTE, query_string=query)
        assert response.status_code == 200, response.text
        return response.json

    return read


def test_an_empty_installation_is_healthy_and_lists_what_is_not_set_up(read_health):
    health = read_health()
    assert (health["success"], health["status"]) == (True, "healthy")
    for store in ("database", "redis", "broker"):
        assert health[store] == {"status": "healthy", "fault": None}
    assert health["platforms"]["tiktok"] == {
        "status": "healthy",
        "configured": True,
        "missingSettings": [],
        "accounts": NO_ACCOUNTS,
        "refreshes": {"success": 0, "failure": 0, "lastSuccessAt": None},
        "probe": None,
    }
    assert not health["platforms"]["instagram"]["configured"]
    assert "INSTAGRAM_REDIRECT_URI" in health["platforms"]["instagram"]["missingSettings"]
    assert health["timestamp"].endswith("Z")


def test_accounts_are_counted_by_whether_their_tokens_are_valid(read_health, factory):
    for lasts in (timedelta(minutes=30), timedelta(hours=3), timedelta(hours=-1)):
        factory.create_account(lasts=lasts)
    factory.create_account(status="NEEDS_RECONNECT")
    tiktok = read_health()["platforms"]["tiktok"]
    assert tiktok["accounts"]["total"] == 4
    assert (tiktok["accounts"]["active"], tiktok["accounts"]["expired"]) == (2, 1)
    assert tiktok["accounts"]["expiringWithinHour"] == 1
    assert (tiktok["status"], tiktok["accounts"]["needsReconnect"]) == ("degraded", 1)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [(["done", "done"], "healthy"), (["done", "retry"], "degraded"), (["failed"], "unhealthy")],
)
def test_a_platform_is_as_healthy_as_its_renewals(read_health, factory, run_sql, outcomes, status):
    factory.create_account()
    for outcome in outcomes:
        run_sql(
            "INSERT INTO attempts (kind, row_id, number, outcome)"
            f" SELECT 'accounts', id, 1, '{outcome}' FROM oauth_accounts"
        )
    health = read_health()
    assert health["platforms"]["tiktok"]["status"] == status
    assert health["status"] == status
    assert health["platforms"]["tiktok"]["refreshes"]["success"] == outcomes.count("done")


def test_accounts_of_a_platform_that_lost_its_settings_make_it_unhealthy(
    read_health, factory, run_sql
):
    factory.create_account()
    run_sql("UPDATE oauth_accounts SET provider = 'instagram'")
    assert read_health()["platforms"]["instagram"]["status"] == "unhealthy"


def test_without_redis_or_broker_the_installation_is_degraded(
    read_health, change_container, container
):
    services = replace(container.services, redis=RedisClient("redis://127.0.0.1:1/0"))
    readiness = Readiness(container.database, container.services, lambda: False)
    change_container(services=services, readiness=readiness)
    health = read_health()
    assert health["status"] == "degraded"
    assert (health["redis"]["status"], health["broker"]["status"]) == ("degraded", "degraded")
    assert "127.0.0.1:1" not in health["redis"]["fault"]


@pytest.fixture
def probe_with(change_container, container, read_health):
    """Asks for a probe while TikTok answers as this flow; returns the answer."""

    def run(flow, times=1):
        adapter = replace(container.services.adapters["tiktok"], flow=flow)
        services = replace(container.services, adapters={"tiktok": adapter})
        change_container(services=services, credential_probes=CredentialProbes(services))
        return [read_health(probe="1") for _ in range(times)][-1]

    return run


@pytest.mark.parametrize(
    ("error", "accepted", "code", "status"),
    [
        (PlatformError("a code that nobody issued"), True, None, "healthy"),
        (AppRefused("secret-canary"), False, "invalid_credentials", "unhealthy"),
        (Unavailable("secret-canary"), None, "platform_unavailable", "degraded"),
    ],
)
def test_a_probe_says_whether_the_platform_accepts_our_credentials(
    probe_with, error, accepted, code, status
):
    health = probe_with(CountedFlow(error))
    probe = health["platforms"]["tiktok"]["probe"]
    assert (probe["accepted"], probe["code"], health["status"]) == (accepted, code, status)
    assert "canary" not in str(health)


def test_a_probe_is_made_once_in_five_minutes_and_only_on_request(probe_with, read_health):
    flow = CountedFlow(PlatformError("no such code"))
    health = probe_with(flow, times=3)
    assert flow.calls == 1
    assert read_health()["platforms"]["tiktok"]["probe"] is None
    assert flow.calls == 1
    assert health["platforms"]["tiktok"]["probe"]["probedAt"].endswith("Z")


@pytest.mark.parametrize(
    ("error", "is_repeated"),
    [(Unavailable, True), (PlatformError("no such code"), False)],
    ids=["no answer", "an answer"],
)
def test_only_a_platform_that_did_not_answer_is_probed_again_soon(
    probe_with, monkeypatch, error, is_repeated
):
    monkeypatch.setattr("core.health.credential_probes.NO_ANSWER_LIFETIME", 0.0)
    flow = CountedFlow(error)
    probe_with(flow, times=2)
    assert (flow.calls > 1) == is_repeated


def test_a_platform_that_does_not_answer_delays_the_view_for_a_bounded_time(
    probe_with, monkeypatch
):
    monkeypatch.setattr("core.health.credential_probes.PROBE_TIMEOUT", 0.1)
    flow = SilentFlow()
    health = probe_with(flow)
    flow.may_answer.set()
    assert health["platforms"]["tiktok"]["probe"]["code"] == NO_ANSWER


def test_the_health_is_for_administrators_and_other_parameters_are_refused(
    client, admin_client, make_user, make_api_client
):
    user = make_api_client(make_user(), "posts:read", "accounts:read", "insights:read")
    assert (client.get(ROUTE).status_code, user.get(ROUTE).status_code) == (401, 403)
    assert admin_client.get(f"{ROUTE}?prob=1").status_code == 400
