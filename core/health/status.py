"""The full judgement behind `/statusz`: readiness, open alerts, and whether anybody judges them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.bootstrap import Services
from core.health.known_facts import KnownFacts
from core.health.readiness import ANSWER_TIMEOUT, FACTS_MAX_AGE, Readiness, ReadinessReport
from db.ops.alert_conditions import ConditionStates, MonitorLeases
from db.ops.alert_notices import FailingSink, list_failing_sinks
from db.ops.alerts import Alerts
from db.pauses import Pause, Pauses
from db.session import Database

MISSED_ROUNDS = 3  # after which the alarm counts as silent
MIN_SILENCE = timedelta(minutes=2)


@dataclass(frozen=True)
class AlarmFacts:
    """Open alerts, and the state of the alarm itself. `judged_age` None: never judged."""

    open_alerts: tuple[Mapping[str, Any], ...] = ()
    judged_age: timedelta | None = None
    unjudged: Mapping[str, str] = field(default_factory=dict)
    failing_sinks: tuple[FailingSink, ...] = ()
    pauses: tuple[Pause, ...] = ()

    def list_reasons(self, check_interval: timedelta) -> list[str]:
        """Everything that is wrong, as sentences."""
        reasons = [
            f"alert {each['name']} ({each['severity']}) since {each['openedAt']:%Y-%m-%d %H:%M} UTC"
            for each in self.open_alerts
        ]
        if self.is_silent(check_interval):
            reasons.append(f"the alert conditions were last judged {self.judged_age} ago")
        reasons += [f"{name} cannot be judged: {error}" for name, error in self.unjudged.items()]
        return reasons

    def is_silent(self, check_interval: timedelta) -> bool:
        """Whether they were judged before, and are not any more."""
        limit = max(MISSED_ROUNDS * check_interval, MIN_SILENCE)
        return self.judged_age is not None and self.judged_age > limit


@dataclass(frozen=True)
class StatusReport:
    """Units: ages in seconds. `alarm_age`: how old the facts about alerts are; None: unknown."""

    readiness: ReadinessReport
    alarm: AlarmFacts
    alarm_reasons: tuple[str, ...]
    alarm_age: float | None

    @property
    def reasons(self) -> list[str]:
        return [*self.readiness.reasons, *self.alarm_reasons]


class InstallationStatus:
    """Everything that is wrong, within two seconds."""

    def __init__(self, database: Database, services: Services) -> None:
        self._check_interval = services.settings.limits.alert_check_interval
        self._alarm = KnownFacts(
            "alarm-facts",
            lambda: read_alarm_facts(database),
            max_age=FACTS_MAX_AGE,
            time_limit=ANSWER_TIMEOUT,
        )

    def report(self, readiness_check: Readiness) -> StatusReport:
        self._alarm.prepare()
        readiness = readiness_check.report()
        if readiness.migration is None:  # there are no tables
            return StatusReport(readiness, AlarmFacts(), (), None)
        known = self._alarm.read()
        alarm = known.value or AlarmFacts()
        reasons = tuple(alarm.list_reasons(self._check_interval))
        return StatusReport(readiness, alarm, reasons, known.age)


def read_alarm_facts(database: Database) -> AlarmFacts:
    with database.transaction() as session:
        return AlarmFacts(
            open_alerts=tuple(
                {
                    "name": alert.name,
                    "severity": alert.severity,
                    "openedAt": alert.opened_at,
                    "details": alert.details,
                }
                for alert in Alerts(session).list_open()
            ),
            judged_age=MonitorLeases(session).judged_age(),
            unjudged={
                each.name: each.error or "" for each in ConditionStates(session).list_failed()
            },
            failing_sinks=tuple(list_failing_sinks(session, min_attempts=1)),
            pauses=tuple(Pauses(session).list_all()),
        )
