from datetime import UTC, datetime, timedelta

import pytest

from core.accounts.health import Health, health
from core.accounts.refresh import POLICY
from core.accounts.renewal import Sealed, columns, refresh_in, unsure
from db.accounts import Account
from platforms.base import Grant
from platforms.errors import RateLimited
from platforms.secret import Secret

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def a_grant(lifetime, refresh_lifetime=180 * DAY):
    return Grant("o", Secret("act"), lifetime, Secret("rft"), refresh_lifetime)


def a_sealed(grant, dice=0.5, early=HOUR):
    return Sealed("sealed", "sealed too", grant, early, dice)


@pytest.mark.parametrize(
    ("lifetime", "due"), [(2 * HOUR, 1.5 * HOUR), (24 * HOUR, 23 * HOUR), (HOUR, 0.75 * HOUR)]
)
def test_a_token_in_use_is_renewed_an_hour_or_a_quarter_of_its_life_before_its_end(lifetime, due):
    assert refresh_in(a_sealed(a_grant(lifetime)), in_use=True) == due


@pytest.mark.parametrize("lifetime", [2 * HOUR, 24 * HOUR, 60 * DAY])
@pytest.mark.parametrize("dice", [0.0, 0.3, 0.999])
def test_the_crowd_is_spread_by_a_tenth_of_the_margin_and_never_to_the_end(lifetime, dice):
    margin = lifetime - refresh_in(a_sealed(a_grant(lifetime), dice), in_use=True)
    usual = min(HOUR, lifetime / 4)
    assert 0.9 * usual <= margin <= 1.1 * usual


def test_a_dormant_account_is_kept_alive_once_a_week():
    assert refresh_in(a_sealed(a_grant(2 * HOUR)), in_use=False) == 7 * DAY


def test_a_short_refresh_token_is_renewed_at_half_its_life():
    assert refresh_in(a_sealed(a_grant(2 * HOUR, 4 * DAY)), in_use=False) == 2 * DAY


def test_both_ends_come_from_the_answer():
    found = columns(a_sealed(a_grant(2 * HOUR, 10 * DAY)), at=NOW)
    assert found["expires_at"] == NOW + 2 * HOUR
    assert found["refresh_expires_at"] == NOW + 10 * DAY


def test_a_refusal_after_a_lost_answer_leaves_the_doubt_and_keeps_the_wait():
    doubt = unsure(RateLimited("slow down", retry_after=timedelta(seconds=30)))
    assert (doubt.reached, doubt.retryable) == (True, True)
    assert (doubt.code, doubt.retry_after) == ("rate_limit_exceeded", timedelta(seconds=30))


def test_an_error_that_nobody_foresaw_is_a_doubt_as_well():
    doubt = unsure(KeyError("secret"))
    assert (doubt.reached, doubt.code, str(doubt)) == (True, "KeyError", "KeyError")


def test_patience_spans_an_outage_of_more_than_an_hour():
    assert sum(POLICY.steps, timedelta(0)) > 2 * HOUR


@pytest.mark.parametrize("in_use", [True, False])
def test_nobody_spins_on_a_grant_that_hardly_lives(in_use):
    short = a_sealed(a_grant(timedelta(seconds=1), timedelta(seconds=2)))
    assert refresh_in(short, in_use=in_use) == timedelta(minutes=1)


SOUND = {
    "status": "ACTIVE",
    "expires_at": NOW + HOUR,
    "refresh_token_encrypted": "sealed",
    "refresh_expires_at": NOW + 180 * DAY,
    "attempts": 0,
    "leased_until": None,
}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, Health.GOOD),
        ({"refresh_expires_at": None}, Health.GOOD),
        ({"expires_at": NOW - HOUR}, Health.RENEWING),
        ({"attempts": 1, "leased_until": NOW}, Health.GOOD),
        ({"attempts": 2, "leased_until": NOW}, Health.FAILING),
        ({"attempts": 1}, Health.FAILING),
        ({"refresh_expires_at": NOW + 13 * DAY}, Health.ENDING),
        ({"refresh_expires_at": NOW - DAY}, Health.ENDING),
        ({"refresh_token_encrypted": None}, Health.ENDING),
        ({"refresh_expires_at": NOW - DAY, "expires_at": NOW - HOUR}, Health.ENDED),
        ({"status": "NEEDS_RECONNECT"}, Health.ENDED),
        ({"status": "REVOKED"}, Health.ENDED),
        ({"status": "CRYPTO_ERROR"}, Health.ENDED),
    ],
)
def test_the_health_of_an_access_is_one_word(columns, said):
    assert health(Account(**SOUND | columns), now=NOW) is said
