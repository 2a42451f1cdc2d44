"""The checks of `signalpost doctor` that concern the alarm: open alerts, judging, notices."""

from collections.abc import Iterator

from core.bootstrap import Services
from core.health.doctor_check import DoctorCheck
from core.health.notice_sinks import build_sinks
from core.health.status import AlarmFacts, read_alarm_facts
from db.session import Database, DatabaseUnavailable

MANUAL_ADVICE = "see its paragraph in docs/operate/alerts.md"
MONITOR_ADVICE = "start the web processes, or `signalpost monitor`; look for monitor.failed in logs"
SINK_ADVICE = "try it with `signalpost alerts test`"
NO_SINK_MESSAGE = (
    "nobody is notified of alerts: ALERT_WEBHOOK_URL, SLACK_WEBHOOK_URL and ALERT_EMAIL are not set"
)


def check_alarm(database: Database, services: Services) -> Iterator[DoctorCheck]:
    """Which alerts are open, whether somebody judges them, and whether notices arrive."""
    try:
        facts = read_alarm_facts(database)
    except DatabaseUnavailable:
        return  # reported by the check of the database
    yield from list_open_alerts(facts)
    yield check_judging(facts, services)
    yield from check_sinks(facts, services)


def list_open_alerts(facts: AlarmFacts) -> Iterator[DoctorCheck]:
    if not facts.open_alerts:
        yield DoctorCheck("alerts", ok=True, message="none is open")
    for alert in facts.open_alerts:
        details = alert["details"]
        measured = f"{details.get('measured', '')} {details.get('unit', '')}".strip()
        message = (
            f"{alert['name']} is open since {alert['openedAt']:%Y-%m-%d %H:%M} UTC: {measured}"
        )
        yield DoctorCheck("alerts", ok=False, message=message, advice=MANUAL_ADVICE)


def check_judging(facts: AlarmFacts, services: Services) -> DoctorCheck:
    """Whether the conditions are judged. Before the first start nobody has judged them yet."""
    if facts.unjudged:
        reasons = ", ".join(f"{name} ({error})" for name, error in facts.unjudged.items())
        message = f"these conditions cannot be measured: {reasons}"
        return DoctorCheck("alarm", ok=False, message=message, advice=MANUAL_ADVICE)
    if facts.judged_age is None:
        return DoctorCheck("alarm", ok=True, message="the conditions have not been judged yet")
    is_silent = facts.is_silent(services.settings.limits.alert_check_interval)
    message = f"the conditions were judged {facts.judged_age.total_seconds():.0f} s ago"
    return DoctorCheck("alarm", not is_silent, message, MONITOR_ADVICE if is_silent else "")


def check_sinks(facts: AlarmFacts, services: Services) -> Iterator[DoctorCheck]:
    """Whether notices reach each sink. To have none is a choice, not a fault."""
    sinks = build_sinks(services.settings, services.now)
    failing = {each.sink: each for each in facts.failing_sinks}
    if not sinks:
        yield DoctorCheck("notices", ok=True, message=NO_SINK_MESSAGE)
    for sink in sinks:
        if sink.name in failing:
            failed = failing[sink.name]
            message = f"{failed.waiting} notices wait: {failed.last_error}"
            yield DoctorCheck(
                f"notices by {sink.name}", ok=False, message=message, advice=SINK_ADVICE
            )
        else:
            yield DoctorCheck(f"notices by {sink.name}", ok=True, message="none is waiting")
