"""When operators get a notice about an alert, and what it says.

A notice is written in the transaction that changes the alert and delivered by `notice_sender`: one
when the alert opens, one when it is over. While it is open there is another one if it becomes
worse, and a reminder. An alert that comes and goes gets its end only after a quiet time, which
grows each time, so that it does not send a notice a minute.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.config.settings import Settings
from db.ops.alert_notices import MORE, OPENED, OVER, REMINDER, TEST, AlertNotices
from db.ops.alerts import Alert, Alerts
from db.session import Session, database_now

QUIET_PERIOD = timedelta(seconds=30)  # before an alert counts as over
MAX_QUIET_PERIOD = timedelta(minutes=15)
FLAP_WINDOW = timedelta(hours=1)  # openings within it double the quiet period
MIN_MORE_INTERVAL = timedelta(minutes=15)  # between two notices of an alert that grows

MANUAL_SECTION = "docs/operate/alerts.md#"


@dataclass(frozen=True)
class NoticeRules:
    """What the settings say about notices. `reminder_interval` 0: no reminders."""

    installation: str
    reminder_interval: timedelta


@dataclass(frozen=True)
class Notice:
    """One notice as a sink gets it. `id` is the same at every attempt, `text` is for people."""

    id: str
    kind: str
    content: dict[str, Any]

    @property
    def title(self) -> str:
        """One line: what happened to which alert."""
        name, severity = self.content["alert"]["name"], self.content["alert"]["severity"]
        words = {
            OPENED: f"{severity}: {name}",
            MORE: f"{severity}: {name} has grown",
            REMINDER: f"{severity}: {name} is still open",
            OVER: f"over: {name}",
        }
        return words.get(self.kind, "test: notices arrive")

    @property
    def text(self) -> str:
        """The title with what was measured, of which installation, and where to read on."""
        alert = self.content["alert"]
        if self.kind not in {OPENED, MORE, REMINDER, OVER}:
            return (
                f"{self.title}\nThis is a test. Nothing is wrong.\n{self.content['installation']}"
            )
        lines = [
            self.title,
            *describe_details(alert["details"]),
            f"since {alert['openedAt']}",
            *([f"until {alert['resolvedAt']}"] if alert["resolvedAt"] else []),
            self.content["installation"],
            f"{MANUAL_SECTION}{alert['name']}",
        ]
        return "\n".join(lines)


def describe_details(details: dict[str, Any]) -> list[str]:
    """Lines such as `measured 12 (limit 3) accounts`, and the commonest error codes."""
    lines = []
    if "measured" in details:
        lines.append(
            f"{details['measured']:g} {details.get('unit', '')} (limit {details.get('limit', 0):g})"
        )
    if details.get("total"):
        share = f", {details['sharePercent']:g} %" if "sharePercent" in details else ""
        lines.append(f"of {details['total']}{share}")
    lines += [
        ", ".join(f"{key}: {value}" for key, value in details[name].items())
        for name in ("codes", "errors")
        if details.get(name)
    ]
    if details.get("names"):
        lines.append(", ".join(details["names"]))
    if details.get("reason"):
        lines.append(str(details["reason"]))
    return lines


def load_rules(settings: Settings) -> NoticeRules:
    return NoticeRules(settings.public_url, settings.alerts.reminder_interval)


def announce_opening(session: Session, alert: Alert, rules: NoticeRules) -> int | None:
    """Write the notice that an alert has opened; return its id."""
    return write_notice(session, alert, OPENED, rules)


def announce_changes(
    session: Session, alert: Alert, rules: NoticeRules, *, counts_new: bool
) -> None:
    """Write a notice if an open alert has become worse, or a reminder if it is time for one."""
    forget_what_ended(alert)
    silence = database_now(session) - (alert.notified_at or alert.opened_at)
    is_new_kind = counts_new and has_new_codes(alert)
    is_more = counts_new and has_grown(alert) and silence >= MIN_MORE_INTERVAL
    if has_risen(alert) or is_new_kind or is_more:
        write_notice(session, alert, MORE, rules)
    elif rules.reminder_interval and silence >= rules.reminder_interval:
        write_notice(session, alert, REMINDER, rules)


def announce_end(session: Session, alert: Alert, rules: NoticeRules) -> None:
    """Write the notice that an alert is over; it can be withdrawn for a while."""
    is_by_hand = alert.resolved_by is not None
    delay = timedelta(0) if is_by_hand else quiet_period(session, alert.name)
    write_notice(session, alert, OVER, rules, delay=delay)


def quiet_period(session: Session, alert_name: str) -> timedelta:
    """How long an alert must stay away to be over: longer, the more often it came back lately."""
    openings = Alerts(session).count_openings(alert_name, within=FLAP_WINDOW)
    doublings = min(max(openings - 1, 0), 10)
    return min(QUIET_PERIOD * int(2**doublings), MAX_QUIET_PERIOD)


def has_risen(alert: Alert) -> bool:
    """Whether its severity has risen since the last notice."""
    severities = ("warning", "error", "critical")
    before = alert.noticed.get("severity", alert.severity)
    return severities.index(alert.severity) > severities.index(before)


def has_new_codes(alert: Alert) -> bool:
    """Whether there is an error code that the last notice did not name."""
    return bool(alert.details.get("codes", {}).keys() - alert.noticed.get("codes", {}).keys())


def has_grown(alert: Alert) -> bool:
    measured = float(alert.details.get("measured", 0))
    return measured > float(alert.noticed.get("measured", measured))


def forget_what_ended(alert: Alert) -> None:
    """Count growth from the lowest number since the last notice: what was handled is not new."""
    measured = alert.details.get("measured", 0)
    codes = alert.details.get("codes", {})
    noticed_codes = {
        code: count for code, count in alert.noticed.get("codes", {}).items() if code in codes
    }
    lowest = min(measured, alert.noticed.get("measured", measured))
    noticed = {**alert.noticed, "measured": lowest, "codes": noticed_codes}
    if noticed != alert.noticed:
        alert.noticed = noticed


def write_notice(
    session: Session,
    alert: Alert,
    kind: str,
    rules: NoticeRules,
    *,
    delay: timedelta = timedelta(0),
) -> int | None:
    """Write a notice with the alert as it is now, and remember what it said; return its id."""
    now = database_now(session)
    alert.notified_at = now
    alert.noticed = {
        "severity": alert.severity,
        "measured": alert.details.get("measured", 0),
        "codes": alert.details.get("codes", {}),
    }
    content = build_content(alert, kind, rules.installation, at=now)
    return AlertNotices(session).add(alert.id, kind, content, delay=delay)


def build_content(alert: Alert, kind: str, installation: str, *, at: datetime) -> dict[str, Any]:
    """The notice as data. It holds names and numbers, and no data of users."""
    return {
        "kind": kind,
        "at": at.isoformat(),
        "installation": installation,
        "alert": {
            "id": alert.id,
            "name": alert.name,
            "severity": alert.severity,
            "details": alert.details,
            "openedAt": alert.opened_at.isoformat(),
            "resolvedAt": alert.resolved_at and alert.resolved_at.isoformat(),
        },
    }


def build_test_notice(settings: Settings, *, at: datetime) -> Notice:
    """A notice that says that it is a test."""
    alert: dict[str, Any] = {
        "id": None,
        "name": "test",
        "severity": "warning",
        "details": {},
        "openedAt": at.isoformat(),
        "resolvedAt": None,
    }
    content = {
        "kind": TEST,
        "at": at.isoformat(),
        "installation": settings.public_url,
        "alert": alert,
    }
    return Notice(f"test-{int(at.timestamp())}", TEST, content)
