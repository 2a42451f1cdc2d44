"""Whether everything is moving: the judgement of `/statusz`, with the queues and a few figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.bootstrap import Services
from core.health.hourly_counts import HourlyCounter, HourlyCounts
from core.health.queues import QueueOverview, QueueState, QueueStatus, read_queues
from core.health.readiness import Readiness
from core.health.status import InstallationStatus, StatusReport
from core.limits.breaker import CircuitState
from db.ops.alert_conditions import ConditionStates
from db.ops.alerts import Alert, Alerts
from db.session import Database
from db.webhooks.events import EventFilter
from db.webhooks.refusals import WebhookRefusals
from db.webhooks.replays import EventReplays, EventSummary


class Level(StrEnum):
    GOOD = "good"
    WAIT = "wait"  # something is slower than it should be, or needs a look
    BAD = "bad"  # something does not move at all


@dataclass(frozen=True)
class InstallationOverview:
    """`measured`: what the alert conditions last measured, by name; absent: not measured yet."""

    status: StatusReport
    queues: QueueOverview
    throughput: HourlyCounts[str] | None
    alerts: Sequence[Alert]
    measured: Mapping[str, float]
    dead_letters: EventSummary
    refused_today: int
    open_circuits: int

    @property
    def level(self) -> Level:
        if not self.status.readiness.serves_traffic or self.silent_queues or not self.has_broker:
            return Level.BAD
        if any(alert.severity == "critical" for alert in self.alerts):
            return Level.BAD
        return Level.WAIT if self.behind_queues or self.status.reasons else Level.GOOD

    @property
    def has_broker(self) -> bool:
        return self.status.readiness.broker

    @property
    def silent_queues(self) -> list[QueueStatus]:
        return [each for each in self.queues.queues if each.state is QueueState.SILENT]

    @property
    def behind_queues(self) -> list[QueueStatus]:
        return [each for each in self.queues.queues if each.state is QueueState.BEHIND]


def read_overview(
    database: Database,
    services: Services,
    *,
    readiness: Readiness,
    status: InstallationStatus,
    throughput: HourlyCounter[str],
) -> InstallationOverview:
    """Errors: DatabaseUnavailable."""
    report = status.report(readiness)
    counts = throughput.read()
    with database.transaction() as session:
        return InstallationOverview(
            status=report,
            queues=read_queues(session),
            throughput=counts,
            alerts=Alerts(session).list_open(),
            measured=ConditionStates(session).list_measured(),
            dead_letters=EventReplays(session).summarize(EventFilter(status="dead")),
            refused_today=WebhookRefusals(session).count_today(),
            open_circuits=sum(
                view.circuit.state is not CircuitState.CLOSED
                for view in services.circuits.list_circuits(services.adapters)
            ),
        )
