"""The alert about a database that is away: judged in memory, for it cannot be written then.

Every web process notices by itself. Redis, if it answers, lets one of them send each notice;
without Redis each sends its own. When the database is back the alert is written to it, and ends
there like any other.
"""

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

import structlog

from core.health import notices
from core.health.conditions import DATABASE
from core.health.notices import Notice, NoticeRules
from core.limits.redis_client import RedisClient, RedisUnavailable
from db.ops.alert_notices import OPENED, AlertNotices
from db.ops.alerts import Alerts
from db.session import Session

AWAY_AFTER_SECONDS = 15.0  # of failing; a failover takes less
CLAIM_SECONDS = 45  # for one attempt to send; longer than an attempt takes
SENT_SECONDS = 60  # for which "sent" is remembered, renewed while the outage lasts
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 5.0, 300.0

CLAIM_SCRIPT = """
local known = redis.call('GET', KEYS[1])
if known and known ~= ARGV[1] then
  if string.sub(known, 1, 5) == 'sent:' then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
  return known
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
"""
READ_SCRIPT = "return redis.call('GET', KEYS[1])"
SENT_SCRIPT = "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outage:
    """An outage that has opened the alert. `sinks` have got the notice."""

    id: str
    began_at: datetime
    duration: timedelta
    reason: str
    sinks: tuple[str, ...]


class OutageNotices:
    """Follows failures of the database, and the notices about them. Used by several threads."""

    def __init__(
        self,
        redis: RedisClient,
        rules: NoticeRules,
        now: Callable[[], datetime],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._claim_key = redis.register_script(CLAIM_SCRIPT)
        self._keep_key = redis.register_script(SENT_SCRIPT)
        self._read_key = redis.register_script(READ_SCRIPT)
        self._rules, self._now, self._clock = rules, now, clock
        self._lock = Lock()
        self._id = ""
        self._began: tuple[float, datetime] | None = None
        self._reason, self._is_logged = "", False
        self._done: set[str] = set()
        self._retries: dict[str, tuple[float, float]] = {}  # sink: next attempt at, next delay

    def record_failure(self, reason: str) -> None:
        """The database could not be used just now."""
        with self._lock:
            if self._began is None:
                self._began = (self._clock(), self._now())
                self._id = f"database-{secrets.token_hex(4)}"
                self._is_logged = False
            self._reason = reason
            if self._is_open() and not self._is_logged:
                self._is_logged = True
                log.error("alert.opened", name=DATABASE.name, severity="critical", reason=reason)

    def record_success(self) -> Outage | None:
        """The database could be used. Returns the outage that has ended, if it was an alert."""
        with self._lock:
            ended = self._describe() if self._is_open() else None
            self._began, self._done, self._retries = None, set(), {}
            return ended

    def send_due(self, sink: str, send: Callable[[Notice], str | None]) -> None:
        """Send the notice of an open alert to this sink, once among all processes."""
        with self._lock:
            outage = self._describe() if self._is_open() else None
            is_due = self._clock() >= self._retries.get(sink, (0.0, 0.0))[0]
        if outage is None or not is_due:
            return
        if sink in outage.sinks:
            self._share(sink, outage.id)  # also with processes that start meanwhile
            return
        owner = self._claim(sink, outage.id)
        if owner.startswith("sent:"):
            self._mark_done(sink, outage.id)
        elif owner == outage.id:
            self._send(sink, outage, send)

    def _send(self, sink: str, outage: Outage, send: Callable[[Notice], str | None]) -> None:
        error = send(build_outage_notice(outage, self._rules))
        if error is not None:
            with self._lock:
                delay = self._retries.get(sink, (0.0, FIRST_RETRY_SECONDS))[1]
                following = min(2 * delay, MAX_RETRY_SECONDS)
                self._retries[sink] = (self._clock() + delay, following)
            return
        self._share(sink, outage.id)
        self._mark_done(sink, outage.id)

    def _share(self, sink: str, outage_id: str) -> None:
        """Let the other processes know that this sink has the notice."""
        try:
            self._keep_key([f"alert:database:{sink}"], [f"sent:{outage_id}", SENT_SECONDS])
        except RedisUnavailable:
            log.warning("notice.not_shared", sink=sink)  # another process may send it as well

    def find_notified(self, outage: Outage, sinks: Iterable[str]) -> Outage:
        """Return the outage with all sinks that got the notice, from whichever process."""
        notified = set(outage.sinks)
        try:
            for sink in sinks:
                owner = self._read_key([f"alert:database:{sink}"], [])
                if str(owner).startswith("sent:"):
                    notified.add(sink)
        except RedisUnavailable:
            log.warning("notice.not_shared")  # it may be sent once more
        return replace(outage, sinks=tuple(sorted(notified)))

    def _claim(self, sink: str, outage_id: str) -> str:
        """Return who sends: our id, that of another process, or `sent:` and an id."""
        try:
            return str(
                self._claim_key(
                    [f"alert:database:{sink}"], [outage_id, CLAIM_SECONDS, SENT_SECONDS]
                )
            )
        except RedisUnavailable:
            return outage_id

    def _mark_done(self, sink: str, outage_id: str) -> None:
        with self._lock:
            if self._id == outage_id:
                self._done.add(sink)

    def _is_open(self) -> bool:
        return self._began is not None and self._clock() - self._began[0] >= AWAY_AFTER_SECONDS

    def _describe(self) -> Outage | None:
        if self._began is None:
            return None
        began, began_at = self._began
        duration = timedelta(seconds=self._clock() - began)
        return Outage(self._id, began_at, duration, self._reason, tuple(sorted(self._done)))


def build_outage_notice(outage: Outage, rules: NoticeRules) -> Notice:
    content = {
        "kind": OPENED,
        "at": (outage.began_at + outage.duration).isoformat(),
        "installation": rules.installation,
        "alert": {
            "id": None,
            "name": DATABASE.name,
            "severity": DATABASE.severity,
            "details": outage_details(outage),
            "openedAt": outage.began_at.isoformat(),
            "resolvedAt": None,
        },
    }
    return Notice(f"{outage.id}-{OPENED}", OPENED, content)


def outage_details(outage: Outage) -> dict[str, object]:
    return {
        "measured": round(outage.duration.total_seconds(), 1),
        "limit": DATABASE.limit,
        "unit": DATABASE.unit,
        "reason": outage.reason,
    }


def record_outage(session: Session, outage: Outage, rules: NoticeRules) -> None:
    """Write the alert of an outage that has ended, unless another process has done so."""
    alerts = Alerts(session)
    alerts.lock_name(DATABASE.name)
    if alerts.has_overlapping(DATABASE.name, since=outage.duration):
        return
    alert, _ = alerts.open(DATABASE.name, DATABASE.severity, outage_details(outage))
    alert.opened_at = outage.began_at
    notice_id = notices.announce_opening(session, alert, rules)
    if notice_id is not None:
        AlertNotices(session).add_delivered(notice_id, outage.sinks)
