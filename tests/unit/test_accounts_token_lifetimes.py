"""When tokens are refreshed, which errors leave the outcome unknown, and account health."""

from datetime import UTC, datetime, timedelta

import pytest

from core.accounts.refresh import REFRESH_RETRY_POLICY
from core.accounts.refresh_calls import as_unavailable
from core.accounts.renewal import EncryptedGrant, next_refresh_delay, token_columns
from core.accounts.view import AccountHealth, account_health
from db.accounts.accounts import Account
from platforms.base import ASSUMED_LIFETIME
from platforms.errors import RateLimited
from platforms.logins import LoginGrant, RenewalKind, RenewalRule
from platforms.secret import Secret

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def make_grant(lifetime, refresh_lifetime=180 * DAY):
    return LoginGrant(Secret("act"), lifetime, Secret("rft"), refresh_lifetime)


def make_encrypted_grant(grant, jitter=0.5, refresh_window=HOUR):
    return EncryptedGrant("access", "refresh", grant, refresh_window, jitter)


@pytest.mark.parametrize(
    ("lifetime", "delay"), [(2 * HOUR, 1.5 * HOUR), (24 * HOUR, 23 * HOUR), (HOUR, 0.75 * HOUR)]
)
def test_a_token_in_use_is_refreshed_an_hour_or_a_quarter_of_its_lifetime_before_it_expires(
    lifetime, delay
):
    assert next_refresh_delay(make_encrypted_grant(make_grant(lifetime)), in_use=True) == delay


@pytest.mark.parametrize("lifetime", [2 * HOUR, 24 * HOUR, 60 * DAY])
@pytest.mark.parametrize("jitter", [0.0, 0.3, 0.999])
def test_refreshes_are_spread_by_a_tenth_of_the_margin(lifetime, jitter):
    margin = lifetime - next_refresh_delay(
        make_encrypted_grant(make_grant(lifetime), jitter), in_use=True
    )
    expected = min(HOUR, lifetime / 4)
    assert 0.9 * expected <= margin <= 1.1 * expected


def test_an_unused_account_is_refreshed_once_a_week():
    assert next_refresh_delay(make_encrypted_grant(make_grant(2 * HOUR)), in_use=False) == 7 * DAY


def test_a_short_lived_refresh_token_is_renewed_at_half_its_lifetime():
    assert (
        next_refresh_delay(make_encrypted_grant(make_grant(2 * HOUR, 4 * DAY)), in_use=False)
        == 2 * DAY
    )


def test_both_expiry_times_come_from_the_response():
    columns = token_columns(make_encrypted_grant(make_grant(2 * HOUR, 10 * DAY)), at=NOW)
    assert columns["expires_at"] == NOW + 2 * HOUR
    assert columns["refresh_expires_at"] == NOW + 10 * DAY


def test_a_rate_limit_after_a_lost_response_keeps_the_outcome_unknown_and_the_delay():
    error = as_unavailable(RateLimited("slow down", retry_after=timedelta(seconds=30)))
    assert (error.may_have_arrived, error.retryable) == (True, True)
    assert (error.code, error.retry_after) == ("rate_limit_exceeded", timedelta(seconds=30))


def test_an_unexpected_error_leaves_the_outcome_unknown():
    error = as_unavailable(KeyError("secret"))
    assert (error.may_have_arrived, error.code, str(error)) == (True, "KeyError", "KeyError")


def test_retries_span_an_outage_of_more_than_an_hour():
    assert sum(REFRESH_RETRY_POLICY.delays, timedelta(0)) > 2 * HOUR


@pytest.mark.parametrize("in_use", [True, False])
def test_a_very_short_lived_grant_is_refreshed_once_a_minute_at_most(in_use):
    short_lived = make_encrypted_grant(make_grant(timedelta(seconds=1), timedelta(seconds=2)))
    assert next_refresh_delay(short_lived, in_use=in_use) == timedelta(minutes=1)


EXCHANGE = RenewalRule(RenewalKind.EXCHANGE, due_before_end=10 * DAY, min_age=DAY, min_interval=DAY)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
def test_an_exchanged_token_is_due_ten_days_before_its_end_whether_in_use_or_not(jitter):
    grant = EncryptedGrant(
        "access", None, LoginGrant(Secret("EAA"), 60 * DAY), HOUR, jitter, EXCHANGE
    )
    delays = [next_refresh_delay(grant, in_use=in_use) for in_use in (True, False)]
    assert delays[0] == delays[1]
    assert 50 * DAY <= delays[0] <= 51 * DAY


def test_an_exchanged_token_is_never_due_before_it_may_be_exchanged():
    grant = EncryptedGrant("access", None, LoginGrant(Secret("EAA"), HOUR), HOUR, 0.5, EXCHANGE)
    assert next_refresh_delay(grant, in_use=True) == DAY


def test_an_exchanged_token_without_a_known_end_is_due_every_day():
    grant = EncryptedGrant("access", None, LoginGrant(Secret("EAA"), None), HOUR, 0.5, EXCHANGE)
    assert token_columns(grant, at=NOW)["expires_at"] is None
    assert DAY <= next_refresh_delay(grant, in_use=False) <= 1.1 * DAY


def test_a_token_that_has_no_end_is_not_renewed():
    endless = LoginGrant(Secret("EAA"), None, has_no_end=True)
    grant = EncryptedGrant("access", None, endless, HOUR, 0.5, EXCHANGE)
    assert (grant.renewal, next_refresh_delay(grant, in_use=True)) == ("nothing", None)
    assert token_columns(grant, at=NOW)["expires_at"] is None


def test_a_refreshed_token_without_a_lifetime_gets_a_short_one():
    grant = make_encrypted_grant(make_grant(None))
    assert token_columns(grant, at=NOW)["expires_at"] == NOW + ASSUMED_LIFETIME


HEALTHY_COLUMNS = {
    "details": {},
    "status": "ACTIVE",
    "expires_at": NOW + HOUR,
    "refresh_token_encrypted": "refresh",
    "refresh_expires_at": NOW + 180 * DAY,
    "attempts": 0,
    "leased_until": None,
}


@pytest.mark.parametrize(
    ("columns", "health"),
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
def test_the_health_of_an_account_is_one_status(columns, health):
    assert account_health(Account(**HEALTHY_COLUMNS | columns), now=NOW) is health
