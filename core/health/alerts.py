"""Alerts for operators: each condition is judged by itself, and opens or resolves its alert.

A condition that is slow or fails leaves the others judged and is reported itself. The conditions
are in `core.health.conditions`, what to do about each alert in docs/operate/alerts.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog

from core import audit
from core.bootstrap import Services
from core.errors import NotFound
from core.health import notices
from core.health.conditions import ALERT_CONDITIONS, AlertCondition
from core.health.known_facts import SingleCall, StillRunning
from core.health.measurement import Measurement, Probes
from core.health.notices import NoticeRules
from db.ops.alert_conditions import ConditionStates, MonitorLeases
from db.ops.alert_notices import AlertNotices
from db.ops.alerts import Alert, Alerts
from db.session import Database, DatabaseUnavailable, Session
from db.statement_limits import limit_statements

CONDITION_TIMEOUT = timedelta(seconds=5)  # for each statement; the slowest takes a tenth of it
ROWS_TIMEOUT_SECONDS = 8.0  # for all statements of a condition
PROBE_TIMEOUT_SECONDS = 5.0
UNATTENDED_ROUNDS = 3  # missed by the monitor before a worker judges

log = structlog.get_logger(__name__)


class ConditionVerdict(StrEnum):
    """What judging a condition led to."""

    CLEAR = "clear"
    PENDING = "pending"  # above the limit, but not for long enough yet
    OPENED = "opened"
    OPEN = "open"
    FAILED = "failed"


@dataclass(frozen=True)
class AlertCheckResult:
    opened: int
    active: int
    failed: int = 0


class Judge:
    """Judges conditions one after another. Rows and probes each have a thread, so that a store
    that hangs is noticed.
    """

    def __init__(self, database: Database, probes: Probes) -> None:
        self._database, self._probes = database, probes
        self._rules = notices.load_rules(probes.services.settings)
        self._rows, self._probing = SingleCall("alert-rows"), SingleCall("alert-probe")

    def judge(self, condition: AlertCondition) -> ConditionVerdict:
        """Measure one condition in a transaction of its own. Errors: DatabaseUnavailable.

        Any other error is recorded as the condition's, and does not reach the other conditions.
        """
        try:
            return self._judge_in_time(condition)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the condition is reported as one that fails
            reason = describe_failure(error)
        log.error("alert.not_judged", name=condition.name, error=reason)
        with self._database.transaction() as session:
            limit_statements(session, CONDITION_TIMEOUT)
            ConditionStates(session).record_failure(condition.name, reason)
        return ConditionVerdict.FAILED

    def _judge_in_time(self, condition: AlertCondition) -> ConditionVerdict:
        probed = self._run_probe(condition)
        timeout = ROWS_TIMEOUT_SECONDS
        try:
            self._rows.wait_until_idle(timeout)
        except StillRunning:
            raise DatabaseUnavailable("a condition's query does not end") from None
        return self._rows.run(lambda: self._judge_rows(condition, probed), timeout=timeout)

    def _run_probe(self, condition: AlertCondition) -> Measurement | None:
        probe = condition.probe
        if probe is None:
            return None
        return self._probing.run(lambda: probe(self._probes), timeout=PROBE_TIMEOUT_SECONDS)

    def _judge_rows(
        self, condition: AlertCondition, probed: Measurement | None
    ) -> ConditionVerdict:
        with self._database.transaction() as session:
            limit_statements(session, CONDITION_TIMEOUT)
            measurement = probed
            if condition.measure is not None:
                measurement = condition.measure(session, self._probes.services)
            if measurement is None:
                return ConditionVerdict.CLEAR
            return record_measurement(session, condition, measurement, self._rules)


def check_alerts(
    database: Database, services: Services, *, ping_broker: Callable[[], bool] | None = None
) -> AlertCheckResult:
    """Judge every condition once, and open or resolve its alert. Errors: DatabaseUnavailable."""
    judge = Judge(database, Probes(services, ping_broker))
    verdicts = [judge.judge(condition) for condition in ALERT_CONDITIONS]
    with database.transaction() as session:
        MonitorLeases(session).record_round()
        active = len(Alerts(session).list_open())
    return AlertCheckResult(
        verdicts.count(ConditionVerdict.OPENED), active, verdicts.count(ConditionVerdict.FAILED)
    )


def check_unattended_alerts(database: Database, services: Services) -> None:
    """Judge the conditions if no monitor does. Workers call this: without them it is no alarm."""
    with database.transaction() as session:
        judged_age = MonitorLeases(session).judged_age()
    limit = UNATTENDED_ROUNDS * services.settings.limits.alert_check_interval
    if judged_age is None or judged_age > limit:
        check_alerts(database, services)


def describe_failure(error: Exception) -> str:
    """Why a condition could not be measured: no values, since errors may quote rows."""
    if isinstance(error, StillRunning):
        return str(error)
    cause = getattr(error, "orig", None) or error
    return type(cause).__name__


def record_measurement(
    session: Session, condition: AlertCondition, measurement: Measurement, rules: NoticeRules
) -> ConditionVerdict:
    """Open, update or resolve the alert of a condition, and write the notices that are due."""
    is_exceeded = measurement.value > condition.limit
    exceeded_for = ConditionStates(session).record(
        condition.name, measurement.value, is_exceeded=is_exceeded
    )
    if exceeded_for is None:
        end_alert(session, condition, rules)
        return ConditionVerdict.CLEAR
    if exceeded_for < condition.hold:
        return ConditionVerdict.PENDING
    return open_alert(session, condition, measurement, rules)


def open_alert(
    session: Session, condition: AlertCondition, measurement: Measurement, rules: NoticeRules
) -> ConditionVerdict:
    """Open the alert or update the open one. One that ended a moment ago goes on."""
    reopened_id = AlertNotices(session).withdraw_over(condition.name)
    if reopened_id is not None:
        Alerts(session).reopen(reopened_id)
    details = condition.describe(measurement)
    severity = condition.severity_of(measurement.value)
    alert, is_new = Alerts(session).open(condition.name, severity, details)
    if is_new:
        log.error("alert.opened", name=condition.name, severity=severity, **details)
        notices.announce_opening(session, alert, rules)
        return ConditionVerdict.OPENED
    notices.announce_changes(session, alert, rules, counts_new=condition.counts_new)
    return ConditionVerdict.OPEN


def end_alert(session: Session, condition: AlertCondition, rules: NoticeRules) -> None:
    alert = Alerts(session).auto_resolve(condition.name)
    if alert is not None:
        log.info("alert.resolved", name=condition.name)
        notices.announce_end(session, alert, rules)


def resolve_alert(session: Session, alert_id: int, *, user_id: int, rules: NoticeRules) -> Alert:
    """Resolve an alert because a user says so. Errors: NotFound."""
    resolved = Alerts(session).resolve(alert_id, user_id=user_id)
    alert = resolved or Alerts(session).get(alert_id)
    if alert is None:
        raise NotFound(f"there is no alert {alert_id}")
    if resolved is not None:
        audit.record_action(session, "alert.resolved", subject=f"alert:{alert_id}")
        notices.announce_end(session, alert, rules)
    return alert
