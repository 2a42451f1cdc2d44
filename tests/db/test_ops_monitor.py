"""Conditions are judged apart from each other, and each change of an alert is one notice."""

import pytest

from core.health.alerts import ConditionVerdict, Judge
from core.health.measurement import Probes
from core.health.notices import QUIET_PERIOD
from tests.db.monitor_fixtures import (
    CONDITIONS,
    DEAD_EVENT,
    REFRESHES,
    age_everything,
    database,
    judge,
    list_notices,
    locked_table,
    rename_table,
    run_sql,
    services,
)

__all__ = ["database", "judge", "rename_table", "run_sql", "services"]  # fixtures


@pytest.mark.alert("conditions_unjudged")
def test_a_query_that_fails_and_one_that_hangs_leave_the_other_conditions_judged(
    judge, run_sql, database, rename_table
):
    run_sql(DEAD_EVENT.format(code="x"))
    rename_table("watches", "lost")
    with locked_table(database, "endpoints"):
        verdicts = judge()
    failed = {name for name, verdict in verdicts.items() if verdict == ConditionVerdict.FAILED}
    assert failed == {"reading_paused", "endpoints_failing"}
    assert verdicts["dead_letters"] == ConditionVerdict.OPENED
    assert verdicts["conditions_unjudged"] == ConditionVerdict.OPENED
    ((details,),) = run_sql("SELECT details FROM alerts WHERE name = 'conditions_unjudged'")
    assert details["errors"] == {
        "endpoints_failing": "LockNotAvailable",
        "reading_paused": "UndefinedTable",
    }
    rename_table("lost", "watches")
    assert judge()["conditions_unjudged"] == ConditionVerdict.CLEAR


@pytest.mark.alert("dead_letters")
def test_there_is_one_notice_when_an_alert_opens_and_one_when_it_is_over(judge, run_sql):
    run_sql(DEAD_EVENT.format(code="x"))
    for _ in range(3):
        judge("dead_letters")
    assert list_notices(run_sql) == ["opened"]
    run_sql("DELETE FROM webhook_events")
    for _ in range(3):
        judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "over"]


def test_an_alert_that_comes_back_within_the_quiet_period_sends_nothing_more(judge, run_sql):
    for _ in range(4):
        run_sql(DEAD_EVENT.format(code="x"))
        judge("dead_letters")
        run_sql("DELETE FROM webhook_events")
        judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "over"]
    assert run_sql("SELECT count(*) FROM alerts") == [(1,)]


def test_an_alert_that_keeps_coming_back_waits_longer_until_it_is_over(judge, run_sql):
    for _ in range(3):
        run_sql(DEAD_EVENT.format(code="x"))
        judge("dead_letters")
        run_sql("DELETE FROM webhook_events")
        judge("dead_letters")
        delay = run_sql("SELECT max(due_at) - now() FROM alert_notices WHERE kind = 'over'")[0][0]
        age_everything(run_sql, "1 hour")
    assert delay > 3 * QUIET_PERIOD
    assert list_notices(run_sql) == ["opened", "over"] * 3


def test_an_open_alert_of_old_dead_letters_does_not_hide_new_ones(judge, run_sql):
    run_sql(DEAD_EVENT.format(code="unknown_publication"))
    judge("dead_letters")
    run_sql(DEAD_EVENT.format(code="unknown_publication"))
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened"]  # not a notice for each single one
    run_sql(DEAD_EVENT.format(code="crypto_error"))
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "more"]  # another cause is reported at once
    age_everything(run_sql, "20 minutes")
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "more"]  # nothing is new since
    run_sql("DELETE FROM webhook_events WHERE error_message LIKE 'unknown%'")
    judge("dead_letters")
    run_sql(DEAD_EVENT.format(code="crypto_error"))
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "more", "more"]  # fewer than before, and yet new
    ((details,),) = run_sql("SELECT details FROM alerts")
    assert details["codes"] == {"crypto_error": 2}


def test_an_open_alert_is_called_to_mind_after_the_time_of_the_settings(judge, run_sql):
    run_sql(DEAD_EVENT.format(code="x"))
    judge("dead_letters")
    age_everything(run_sql, "3 hours")
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened"]
    age_everything(run_sql, "2 hours")
    judge("dead_letters")
    judge("dead_letters")
    assert list_notices(run_sql) == ["opened", "reminder"]


@pytest.mark.parametrize(
    ("failed", "total", "verdict"),
    [
        (3, 3, ConditionVerdict.CLEAR),  # ten accounts: three refreshes failed
        (4, 5, ConditionVerdict.OPENED),  # ten accounts, and the platform refuses nearly all
        (8, 109, ConditionVerdict.CLEAR),  # 10,000 accounts: what always fails
        (12, 109, ConditionVerdict.OPENED),  # 10,000 accounts: a real fault
    ],
)
@pytest.mark.alert("token_refresh_failure")
def test_failed_refreshes_mean_the_same_at_ten_and_at_ten_thousand_accounts(
    judge, run_sql, failed, total, verdict
):
    run_sql(REFRESHES.format(failed=failed, total=total))
    assert judge("token_refresh_failure") == {"token_refresh_failure": verdict}


@pytest.mark.alert("scheduler_lag")
def test_a_scheduler_that_is_silent_for_longer_becomes_worse_once(judge, run_sql):
    run_sql("INSERT INTO beats VALUES ('tick', now() - interval '200 seconds')")
    judge("scheduler_lag")
    run_sql("UPDATE beats SET at = now() - interval '400 seconds'")
    judge("scheduler_lag")
    judge("scheduler_lag")
    assert run_sql("SELECT severity FROM alerts") == [("error",)]
    assert list_notices(run_sql, "scheduler_lag") == ["opened", "more"]


@pytest.mark.parametrize(
    ("alive", "tick", "canary", "verdict"),
    [
        ("70 seconds", "1 second", "1 second", ConditionVerdict.OPENED),  # no worker is left
        ("1 second", "300 seconds", "300 seconds", ConditionVerdict.CLEAR),  # beat alone
        ("1 second", "1 second", "70 seconds", ConditionVerdict.OPENED),  # no consumer
        ("20 seconds", "20 seconds", "20 seconds", ConditionVerdict.CLEAR),  # a new worker
    ],
)
@pytest.mark.alert("worker_silent")
def test_silent_workers_and_a_silent_beat_are_distinguished(
    judge, run_sql, alive, tick, canary, verdict
):
    run_sql(
        f"INSERT INTO beats VALUES ('alive:w', now() - interval '{alive}'),"
        f" ('tick', now() - interval '{tick}'), ('canary:webhooks', now() - interval '{canary}')",
        "INSERT INTO webhook_events (provider, event_type, external_id, payload_json)"
        " VALUES ('tiktok', 'x', 'x', '{}')",
    )
    assert judge("worker_silent") == {"worker_silent": verdict}


@pytest.mark.alert("broker_unreachable")
def test_a_broker_has_to_fail_twice_before_it_is_an_alert(database, services, run_sql):
    judge = Judge(database, Probes(services, lambda: False))
    condition = CONDITIONS["broker_unreachable"]
    assert judge.judge(condition) == ConditionVerdict.PENDING
    age_everything(run_sql, "10 seconds")
    assert judge.judge(condition) == ConditionVerdict.OPENED
