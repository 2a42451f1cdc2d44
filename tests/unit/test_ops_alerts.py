"""Alert conditions are well formed, and the retries of webhook events end within a day."""

from datetime import timedelta

from core.config.limits import LimitSettings
from core.health.conditions import ALERT_CONDITIONS
from core.health.housekeeping import DAY
from core.webhooks.process import retry_policy


def test_every_condition_measures_rows_or_probes_a_store_and_not_both():
    for condition in ALERT_CONDITIONS:
        assert (condition.measure is None) != (condition.probe is None), condition.name


def test_alert_names_are_unique():
    assert len({condition.name for condition in ALERT_CONDITIONS}) == len(ALERT_CONDITIONS)


def retry_waits(**changed):
    return [delay.total_seconds() for delay in retry_policy(LimitSettings(**changed)).delays]


def test_retries_are_quick_then_slow_and_end_within_a_day():
    minutes = [60 * value for value in (5, 15, 30, 60, 120, 240, 480)]
    assert retry_waits() == [1, 2, 4, *minutes]
    assert sum(retry_waits()) < DAY.total_seconds()


def test_settings_change_the_retries():
    changed = retry_waits(
        webhook_quick_retries=8,
        webhook_backoff_cap=timedelta(seconds=60),
        webhook_slow_delays=(timedelta(hours=1),),
    )
    assert changed == [1, 2, 4, 8, 16, 32, 60, 60, 3600]
    assert retry_waits(webhook_quick_retries=0, webhook_slow_delays=()) == []
    assert max(retry_waits(webhook_quick_retries=2000)) == 8 * 3600
