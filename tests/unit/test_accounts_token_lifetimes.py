from datetime import UTC, datetime, timedelta

import pytest

from core.accounts.refresh import (
    REFRESH_RETRY_POLICY,
    EncryptedGrant,
    as_unavailable,
    next_refresh_delay,
    token_columns,
)
from core.accounts.view import AccountHealth, account_health
from db.accounts.accounts import Account
from platforms.base import Grant
from platforms.errors import RateLimited
from platforms.secret import Secret

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def make_grant(lifetime, refresh_lifetime=180 * DAY):
    return Grant("o", Secret("act"), lifetime, Secret("rft"), refresh_lifetime)


def make_encrypted_grant(grant, dice=0.5, refresh_margin=HOUR):
    return EncryptedGrant("sealed", "sealed too", grant, refresh_margin, dice)


@pytest.mark.parametrize(
    ("lifetime", "due"), [(2 * HOUR, 1.5 * HOUR), (24 * HOUR, 23 * HOUR), (HOUR, 0.75 * HOUR)]
)
def test_a_token_in_use_is_renewed_an_hour_or_a_quarter_of_its_life_before_its_end(lifetime, due):
    assert next_refresh_delay(make_encrypted_grant(make_grant(lifetime)), in_use=True) == due


@pytest.mark.parametrize("lifetime", [2 * HOUR, 24 * HOUR, 60 * DAY])
@pytest.mark.parametrize("dice", [0.0, 0.3, 0.999])
def test_the_crowd_is_spread_by_a_tenth_of_the_margin_and_never_to_the_end(lifetime, dice):
    margin = lifetime - next_refresh_delay(
        make_encrypted_grant(make_grant(lifetime), dice), in_use=True
    )
    usual = min(HOUR, lifetime / 4)
    assert 0.9 * usual <= margin <= 1.1 * usual


def test_a_dormant_account_is_kept_alive_once_a_week():
    assert next_refresh_delay(make_encrypted_grant(make_grant(2 * HOUR)), in_use=False) == 7 * DAY


def test_a_short_refresh_token_is_renewed_at_half_its_life():
    assert (
        next_refresh_delay(make_encrypted_grant(make_grant(2 * HOUR, 4 * DAY)), in_use=False)
        == 2 * DAY
    )


def test_both_ends_come_from_the_answer():
    found = token_columns(make_encrypted_grant(make_grant(2 * HOUR, 10 * DAY)), at=NOW)
    assert found["expires_at"] == NOW + 2 * HOUR
    assert found["refresh_expires_at"] == NOW + 10 * DAY


def test_a_refusal_after_a_lost_answer_leaves_the_doubt_and_keeps_the_wait():
    doubt = as_unavailable(RateLimited("slow down", retry_after=timedelta(seconds=30)))
    assert (doubt.may_have_arrived, doubt.retryable) == (True, True)
    assert (doubt.code, doubt.retry_after) == ("rate_limit_exceeded", timedelta(seconds=30))


def test_an_error_that_nobody_foresaw_is_a_doubt_as_well():
    doubt = as_unavailable(KeyError("secret"))
    assert (doubt.may_have_arrived, doubt.code, str(doubt)) == (True, "KeyError", "KeyError")


def test_retries_span_an_outage_of_more_than_an_hour():
    assert sum(REFRESH_RETRY_POLICY.delays, timedelta(0)) > 2 * HOUR


@pytest.mark.parametrize("in_use", [True, False])
def test_nobody_spins_on_a_grant_that_hardly_lives(in_use):
    short = make_encrypted_grant(make_grant(timedelta(seconds=1), timedelta(seconds=2)))
    assert next_refresh_delay(short, in_use=in_use) == timedelta(minutes=1)


HEALTHY_COLUMNS = {
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
        ({}, AccountHealth.GOOD),
        ({"refresh_expires_at": None}, AccountHealth.GOOD),
        ({"expires_at": NOW - HOUR}, AccountHealth.RENEWING),
        ({"attempts": 1, "leased_until": NOW}, AccountHealth.GOOD),
        ({"attempts": 2, "leased_until": NOW}, AccountHealth.FAILING),
        ({"attempts": 1}, AccountHealth.FAILING),
        ({"refresh_expires_at": NOW + 13 * DAY}, AccountHealth.ENDING),
        ({"refresh_expires_at": NOW - DAY}, AccountHealth.ENDING),
        ({"refresh_token_encrypted": None}, AccountHealth.ENDING),
        ({"refresh_expires_at": NOW - DAY, "expires_at": NOW - HOUR}, AccountHealth.ENDED),
        ({"status": "NEEDS_RECONNECT"}, AccountHealth.ENDED),
        ({"status": "REVOKED"}, AccountHealth.ENDED),
        ({"status": "CRYPTO_ERROR"}, AccountHealth.ENDED),
    ],
)
def test_the_health_of_an_account_is_one_status(columns, said):
    assert account_health(Account(**HEALTHY_COLUMNS | columns), now=NOW) is said
