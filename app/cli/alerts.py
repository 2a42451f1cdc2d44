"""`signalpost alerts` and `signalpost monitor`: judge the alert conditions, and try the notices."""

import signal
from collections.abc import Iterator
from functools import partial
from types import FrameType

import click
import structlog

from app.api.alerts import serialize_open_alert
from app.cli.command import CommandGroup, DocumentedCommand
from app.cli.output import CommandResult, list_result, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from app.notification_mailer import NotificationMailer
from core.bootstrap import build_database
from core.health import alerts
from core.health.monitor import Monitor
from core.health.notice_sender import deliver_once
from core.health.notice_sinks import NotDelivered, NoticeSink, build_sinks
from core.health.notices import Notice, build_test_notice
from db.ops.alerts import Alert, Alerts
from tasks import broker_ping

log = structlog.get_logger(__name__)


@click.group("alerts", cls=CommandGroup)
def alerts_group() -> None:
    """Alerts for operators."""


@alerts_group.command(
    "check",
    examples=("signalpost alerts check --once", "signalpost alerts check --interval 60000"),
    fields="active opened failed",
)
@ONCE_OPTION
@interval_option(60_000)
@prints_results
def check_command(*, once: bool, interval: int) -> Iterator[CommandResult]:
    """Judge all conditions, and send the notices that are due.

    New alerts are opened, those whose condition has ended are resolved. For cron;
    `signalpost monitor` does the same all the time.
    """
    yield from run_repeatedly(check_alerts, once=once, interval=interval)


def check_alerts() -> CommandResult:
    container = load_container()
    result = alerts.check_alerts(
        container.database, container.services, ping_broker=broker_ping.is_broker_reachable
    )
    for sink in build_sinks(container.services.settings, container.services.now):
        deliver_once(container.database, sink)
    services = container.services
    NotificationMailer(container.database, services.settings, services.now).send_due()
    failed = f", {result.failed} cannot be judged" if result.failed else ""
    text = f"{result.active} active, {result.opened} of them new{failed}"
    return CommandResult(
        text, {"active": result.active, "opened": result.opened, "failed": result.failed}
    )


@alerts_group.command(
    "list",
    examples=("signalpost alerts list", "signalpost alerts list --json"),
    item_fields="id name severity details openedAt",
)
@prints_results
def list_command() -> CommandResult:
    """List the open alerts."""
    with load_container().database.transaction() as session:
        open_alerts = Alerts(session).list_open()
    lines = [describe_alert(alert) for alert in open_alerts]
    rows = [serialize_open_alert(alert) for alert in open_alerts]
    return list_result(rows, lines, empty="no alert is open")


def describe_alert(alert: Alert) -> str:
    measured = f"{alert.details.get('measured', '')} {alert.details.get('unit', '')}".strip()
    since = f"{alert.opened_at:%Y-%m-%d %H:%M} UTC"
    return f"{alert.severity} {alert.name} since {since}: {measured}"


@alerts_group.command(
    "test",
    examples=("signalpost alerts test",),
    failure="a sink does not take the notice, or none is set",
    fields="sink error?",
)
@prints_results
def test_command() -> Iterator[CommandResult]:
    """Send a test notice to each sink that the settings name."""
    services = load_container().services
    sinks = build_sinks(services.settings, services.now)
    if not sinks:
        yield CommandResult(
            "no sink is set: set ALERT_WEBHOOK_URL, SLACK_WEBHOOK_URL, or ALERT_EMAIL and SMTP_URL",
            {"sink": None},
            ok=False,
        )
    notice = build_test_notice(services.settings, at=services.now())
    yield from (send_test_notice(sink, notice) for sink in sinks)


def send_test_notice(sink: NoticeSink, notice: Notice) -> CommandResult:
    try:
        sink.send(notice)
    except NotDelivered as error:
        text = f"FAULT {sink.name}: {error}"
        return CommandResult(text, {"sink": sink.name, "error": str(error)}, ok=False)
    return CommandResult(f"ok    {sink.name}: took the notice", {"sink": sink.name})


@click.command("monitor", cls=DocumentedCommand, examples=("signalpost monitor",))
@prints_results
def monitor_command() -> CommandResult:
    """Judge the alert conditions and send notices, all the time.

    Until SIGTERM or Ctrl-C. For installations that want it apart from the web processes: set
    ALERT_MONITOR=off there.
    """
    services = load_container().services
    database = build_database(services.settings, role="monitor")
    monitor = Monitor(database, services, broker_ping.is_broker_reachable)
    NotificationMailer(database, services.settings, services.now).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, partial(stop_monitor, monitor))
    log.info("monitor.started")
    monitor.run()
    return CommandResult("stopped")


def stop_monitor(monitor: Monitor, _number: int, _frame: FrameType | None) -> None:
    monitor.stop()
